"""Who gave a label comes in with it."""

from pathlib import Path

import pytest
from sqlalchemy import select

from firstline.settings import ColumnsSettings
from firstline.store.schema import classes, labels, messages
from firstline.store.workspace import Workspace
from tests.unit.messages.reading import run_import


def who_labelled(workspace: Workspace) -> list[tuple[str, str, str | None]]:
    """Text, class, and who gave it, of each label."""
    found = select(messages.c.text, classes.c.name, labels.c.by).join_from(messages, labels).join(classes)
    with workspace.database.connect() as connection:
        return [(text, name, by) for text, name, by in connection.execute(found.order_by(messages.c.text))]


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize("name", ["labelled_by", "annotator", "Кто разметил"])
def test_a_column_with_a_usual_name(workspace: Workspace, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.csv", f"text,label,{name}", "один,Карта,Анна", "два,Вход,", "три,,Анна")
    assert run_import(workspace, path).columns["labelled_by"] == name
    assert who_labelled(workspace) == [("два", "Вход", None), ("один", "Карта", "Анна")]


def test_a_column_that_the_caller_names(workspace: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label,agent", "один,Карта,Анна")
    assert "labelled_by" not in run_import(workspace, path).columns
    assert who_labelled(workspace) == [("один", "Карта", None)]
    path = write(tmp_path / "a.csv", "text,label,agent", "два,Карта,Анна")
    run_import(workspace, path, labelled_by="agent")
    assert who_labelled(workspace)[0] == ("два", "Карта", "Анна")


def test_a_remembered_column(workspace: Workspace, tmp_path: Path) -> None:
    settings = workspace.settings.model_copy(update={"columns": ColumnsSettings(labelled_by="agent")})
    object.__setattr__(workspace, "settings", settings)
    run_import(workspace, write(tmp_path / "a.csv", "text,label,agent", "один,Карта,Анна"))
    assert who_labelled(workspace) == [("один", "Карта", "Анна")]


def test_an_address_is_stored_as_a_hash(workspace: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label,labelled_by", *(f"{n},Карта,anna@example.ru" for n in ("один", "два")))
    run_import(workspace, path)
    (_, _, first), (_, _, second) = who_labelled(workspace)
    assert first == second
    assert str(first).startswith("hash:")


def test_of_a_conversation_it_is_who_gave_its_label(workspace: Workspace, tmp_path: Path) -> None:
    rows = ("chat,who,text,label,labelled_by", "1,client,где карта,,", "1,client,потеряла,Карта,Анна", "1,agent,да,,")
    run_import(workspace, write(tmp_path / "a.csv", *rows), ("agent",), conversation="chat", author="who")
    assert who_labelled(workspace) == [("где карта\nпотеряла", "Карта", "Анна")]
