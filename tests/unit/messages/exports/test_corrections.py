"""Sheets of stored messages that a person has corrected come back to the messages they were of."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from firstline.errors import ColumnMissing
from firstline.messages.exports.corrections import KEY_COLUMN, key_cell
from firstline.messages.importing import ImportReport, import_file
from firstline.messages.writers import TableFile
from firstline.settings import ColumnsSettings
from firstline.settings.model import MaskingSettings, MaskPattern
from firstline.steps import run_to_end
from firstline.store.messages import StoredMessage, find_message
from firstline.store.schema import message_ids, messages
from firstline.store.workspace import Workspace
from tests.unit.messages.reading import run_import, stored

COLUMNS = ("text", "label", "suggested_label", "label_probability", "segment", "id", "source", KEY_COLUMN)
ENDINGS = ("csv", "tsv", "jsonl", "json", "parquet", "xlsx")


def sheet(path: Path, *rows: tuple[StoredMessage, str]) -> Path:
    """A sheet of these messages, each with the label that a person has chosen."""
    with TableFile(path, COLUMNS, is_safe_for_excel=True) as table:
        for item, label in rows:
            table.write((item.text, label, "Вход", 0.01, item.segment, "7", "crm", key_cell(item.key)))
    return path


def relabel(workspace: Workspace, path: Path) -> ImportReport:
    return run_to_end(import_file(workspace, path, {}, relabel=True))


def fill(workspace: Workspace, tmp_path: Path, *rows: Sequence[str]) -> list[StoredMessage]:
    """Import rows of text, label, segment and id; returns what is stored, in the order of the texts."""
    with TableFile(tmp_path / "history.csv", ("text", "label", "segment", "id")) as table:
        for row in rows:
            table.write(row)
    run_import(workspace, tmp_path / "history.csv")
    return [StoredMessage(text, segment, label=label) for text, segment, label in stored(workspace)]


def counts(workspace: Workspace) -> tuple[int, int]:
    """Messages and ids."""
    with workspace.database.connect() as connection:
        return (
            len(connection.execute(messages.select()).all()),
            len(connection.execute(message_ids.select()).all()),
        )


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_label_is_replaced_in_every_format(workspace: Workspace, tmp_path: Path, ending: str) -> None:
    first, second = fill(workspace, tmp_path, ("раз", "Карта", "lead", "1"), ("два", "Карта", "", ""))
    report = relabel(workspace, sheet(tmp_path / f"a.{ending}", (first, "Вход"), (second, "Карта")))
    assert stored(workspace) == [(first.text, first.segment, "Вход"), (second.text, second.segment, "Карта")]
    assert (report.n_new, report.n_known, report.n_replaced, report.n_gone, report.unused) == (0, 2, 1, 0, ())
    assert counts(workspace) == (2, 1)


def test_the_same_text_of_two_segments_is_two_messages(workspace: Workspace, tmp_path: Path) -> None:
    one, other = fill(workspace, tmp_path, ("раз", "Карта", "", ""), ("раз", "Карта", "lead", ""))
    relabel(workspace, sheet(tmp_path / "a.csv", (other, "Вход")))
    assert stored(workspace) == [(one.text, None, "Карта"), (other.text, "lead", "Вход")]


@pytest.mark.parametrize("text", ["звоните 8 916 555-01-02", "=СУММА(A1)", "  много\tпробелов ", "раз\r\nдва"])
def test_masked_and_odd_texts_come_back(workspace: Workspace, tmp_path: Path, text: str) -> None:
    (item,) = fill(workspace, tmp_path, (text, "Карта", "", "anna@example.ru"))
    assert relabel(workspace, sheet(tmp_path / "a.csv", (item, "Вход"))).n_new == 0
    assert stored(workspace) == [(item.text, None, "Вход")]
    assert counts(workspace) == (1, 1)


def test_a_conversation_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    """It is stored line by line, and a cell that is masked again would be one line."""
    path = tmp_path / "chat.csv"
    rows = ("chat,who,text,label", "1,client,где карта,Карта", "1,client,потеряла,Карта", "1,agent,слушаю,")
    path.write_text("\n".join(rows), "utf-8")
    run_import(workspace, path, ("agent",), conversation="chat", author="who")
    ((text, segment, _),) = stored(workspace)
    assert "\n" in text
    relabel(workspace, sheet(tmp_path / "a.csv", (StoredMessage(text, segment), "Вход")))
    assert stored(workspace) == [(text, None, "Вход")]


def test_what_a_person_did_to_the_text_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    (item,) = fill(workspace, tmp_path, ("раз", "Карта", "lead", "1"))
    path = sheet(tmp_path / "a.csv", (item, "Вход"))
    path.write_text(path.read_text("utf-8").replace("раз", "совсем другое").replace("lead", "client"), "utf-8")
    relabel(workspace, path)
    assert stored(workspace) == [("раз", "lead", "Вход")]


def test_an_empty_label_removes_one(workspace: Workspace, tmp_path: Path) -> None:
    (item,) = fill(workspace, tmp_path, ("раз", "Карта", "", "1"))
    assert relabel(workspace, sheet(tmp_path / "a.csv", (item, ""))).n_taken_away == 1
    assert stored(workspace) == [("раз", None, None)]


def test_a_class_that_excel_would_run_keeps_its_name(workspace: Workspace, tmp_path: Path) -> None:
    (item,) = fill(workspace, tmp_path, ("раз", "=Карта", "", "1"))
    report = relabel(workspace, sheet(tmp_path / "a.csv", (item, "=Карта")))
    assert (report.n_replaced, dict(report.classes)) == (0, {"=Карта": 1})


def test_a_message_that_is_gone_is_not_brought_back(workspace: Workspace, tmp_path: Path) -> None:
    (item,) = fill(workspace, tmp_path, ("раз", "Карта", "", "1"))
    path = sheet(tmp_path / "a.csv", (StoredMessage("нет такого"), "Вход"), (item, "Вход"))
    report = relabel(workspace, path)
    assert (report.n_gone, report.n_new) == (1, 0)
    assert stored(workspace) == [("раз", None, "Вход")]


def test_rows_whose_keys_were_sorted_without_them_are_left_out(workspace: Workspace, tmp_path: Path) -> None:
    first, second = fill(workspace, tmp_path, ("раз", "Карта", "", ""), ("два", "Карта", "", ""))
    with TableFile(tmp_path / "a.csv", COLUMNS) as table:
        for item, other in ((first, second), (second, first)):
            table.write((item.text, "Вход", "Вход", 0.01, item.segment, "7", "crm", key_cell(other.key)))
    report = relabel(workspace, tmp_path / "a.csv")
    assert (report.n_gone, report.n_replaced) == (2, 0)
    assert {label for _, _, label in stored(workspace)} == {"Карта"}


def test_a_key_that_looks_like_what_the_team_masks_stays_a_key(workspace: Workspace, tmp_path: Path) -> None:
    (item,) = fill(workspace, tmp_path, ("раз", "Карта", "", ""))
    masking = MaskingSettings(patterns=(MaskPattern(kind="contract", pattern="[0-9a-f]{8}"),))
    object.__setattr__(workspace, "settings", workspace.settings.model_copy(update={"masking": masking}))
    path = sheet(tmp_path / "a.csv", (item, "Вход"))
    path.write_text(path.read_text("utf-8").replace("раз", "раз!"), "utf-8")
    relabel(workspace, path)
    assert stored(workspace) == [("раз", None, "Вход")]


def test_after_new_masks_a_row_is_known_by_its_text(workspace: Workspace, tmp_path: Path) -> None:
    (item,) = fill(workspace, tmp_path, ("раз", "Карта", "", "1"))
    path = sheet(tmp_path / "a.csv", (item, "Вход"))
    path.write_text(path.read_text("utf-8").replace(key_cell(item.key), key_cell(bytes(16))), "utf-8")
    assert relabel(workspace, path).n_gone == 0
    assert stored(workspace) == [("раз", None, "Вход")]


def test_a_key_that_is_none_is_known_by_its_text(workspace: Workspace, tmp_path: Path) -> None:
    (item,) = fill(workspace, tmp_path, ("раз", "Карта", "", "1"))
    path = sheet(tmp_path / "a.csv", (item, "Вход"))
    path.write_text(path.read_text("utf-8").replace(key_cell(item.key), "12"), "utf-8")
    relabel(workspace, path)
    assert stored(workspace) == [("раз", None, "Вход")]
    assert counts(workspace) == (1, 1)


def test_remembered_columns_do_not_count(workspace: Workspace, tmp_path: Path) -> None:
    (item,) = fill(workspace, tmp_path, ("раз", "Карта", "", "1"))
    remembered = ColumnsSettings(text="Обращение", id="id", label="suggested_label")
    settings = workspace.settings.model_copy(update={"columns": remembered})
    object.__setattr__(workspace, "settings", settings)
    report = relabel(workspace, sheet(tmp_path / "a.csv", (item, "Карта")))
    assert dict(report.columns) == {"text": "text", "id": KEY_COLUMN, "label": "label"} | {"segment": "segment"}
    assert report.notes == ()
    assert stored(workspace) == [("раз", None, "Карта")]


def test_a_sheet_without_its_labels_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    """The suggestions are not taken for them."""
    (item,) = fill(workspace, tmp_path, ("раз", "Карта", "", "1"))
    path = sheet(tmp_path / "a.csv", (item, "Карта"))
    path.write_text(path.read_text("utf-8").replace('"label"', '"comment"'), "utf-8")
    with pytest.raises(ColumnMissing, match="--relabel needs a column with labels"):
        relabel(workspace, path)


def test_quoted_replies_are_not_cut_again(workspace: Workspace, tmp_path: Path) -> None:
    text = "On Mon, 5 Jan 2026 Anna wrote: > где карта"
    (item,) = fill(workspace, tmp_path, (text, "Карта", "", "1"))
    path = sheet(tmp_path / "a.csv", (item, "Вход"))
    assert relabel(workspace, path).n_cut == 0
    with workspace.database.connect() as connection:
        assert find_message(connection, item.key) is not None
