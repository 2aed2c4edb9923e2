"""What Firstline writes for people and other tools comes back: to the same messages, or into a new workspace."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from firstline.errors import FileUnwritable, UsageError
from firstline.messages.exports.written import FORMATS, Row, csv_of, format_of, write_rows
from firstline.messages.importing import ImportReport, import_file
from firstline.steps import run_to_end
from firstline.store.exported import ExportedMessage, read_exported
from firstline.store.messages import StoredMessage, has_messages
from firstline.store.schema import message_ids
from firstline.store.workspace import Workspace
from tests.unit.messages.reading import run_import
from tests.unit.store.filling import take_in

STORED = (
    StoredMessage('где моя карта, "Мир"?', "lead", "1", None, 'Карта, "новая"', "Анна"),
    StoredMessage("=1+1 формула", None, "2", None, "=Класс", "@Борис"),
    StoredMessage("'=1+1 с апострофом", None, None, None, "'-Класс"),
    StoredMessage("@всем", "-lead", None, None, "Прочее 😀"),
    StoredMessage("где карта\nпотеряла\n<PHONE>", None, "3", None, "Карта"),
    StoredMessage("спорная", "lead", "4", None, "А", "Анна"),
    StoredMessage("спорная", "lead", "4", None, "Б", "Борис"),
    StoredMessage("два класса в имени", None, None, None, "А; Б"),
    StoredMessage("тире", None, None, None, "-"),
    StoredMessage("On Mon, 5 Jan 2026 Anna wrote: > где карта", None, "5"),
    StoredMessage("без метки", "lead"),
)
Content = list[tuple[str, str | None, str | None, str | None, str | None]]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = Workspace.create(tmp_path_factory.mktemp("filled") / "w", "ru")
    take_in(made.database, *STORED)
    yield made
    made.database.dispose()


def rows_of(workspace: Workspace) -> list[Row]:
    return [Row(one) for one in read_exported(workspace.database)]


def content(workspace: Workspace) -> Content:
    """Text, segment, class, who labelled it, and id of all that is stored."""
    found = [(one.text, one.segment, one.label, one.labelled_by, one.id) for one in read_exported(workspace.database)]
    return sorted(found, key=str)


def written(filled: Workspace, folder: Path, name: str) -> Path:
    path = folder / f"labels{FORMATS[name]}"
    assert write_rows(path, name, rows_of(filled), is_sheet=False) == len(STORED)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_all_of_it_comes_into_a_new_workspace(filled: Workspace, tmp_path: Path, name: str) -> None:
    other = Workspace.create(tmp_path / "w", "ru")
    report = run_import(other, written(filled, tmp_path, name))
    assert (report.n_rejected, report.n_gone, report.notes) == (0, 0, ())
    assert content(other) == content(filled)
    with other.database.connect() as connection:
        assert set(connection.execute(select(message_ids.c.source)).scalars()) == {"labels"}
    other.database.dispose()


@pytest.mark.parametrize("name", FORMATS)
def test_in_its_own_workspace_it_changes_nothing(filled: Workspace, tmp_path: Path, name: str) -> None:
    before = content(filled)
    report = run_import(filled, written(filled, tmp_path, name))
    assert (report.n_new, report.n_new_labelled, report.n_gone, report.n_rejected) == (0, 0, 0, 0)
    assert content(filled) == before


def test_elsewhere_it_is_messages_only_if_its_ids_are_named(
    filled: Workspace, workspace: Workspace, tmp_path: Path
) -> None:
    take_in(workspace.database, StoredMessage("что-то другое"))
    path = written(filled, tmp_path, "csv")
    report = run_import(workspace, path)
    assert (report.n_new, report.n_gone + report.n_rejected) == (0, len(STORED))
    report = run_to_end(import_file(workspace, path, {"id": "id"}))
    assert report.n_new == len(STORED) - 1
    assert [row for row in content(workspace) if row[0] != "что-то другое"] == content(filled)


def labelled_sheet(workspace: Workspace, path: Path, label: str, who: str) -> ImportReport:
    """A sheet of all open messages, filled in by a spreadsheet and imported."""
    rows = [row for row in rows_of(workspace) if row.message.label is None]
    write_rows(path, format_of(path, None), rows, ["Карта", "=Вход"], is_sheet=True)
    frame = pl.read_excel(path) if path.suffix == ".xlsx" else pl.read_csv(path)
    frame = frame.with_columns(label=pl.lit(label), labelled_by=pl.lit(who), text=pl.col("text") + " !")
    if path.suffix == ".xlsx":
        frame.write_excel(path)
    else:
        frame.write_csv(path)
    return run_import(workspace, path)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_filled_sheet_comes_back_by_key(workspace: Workspace, tmp_path: Path, ending: str) -> None:
    take_in(workspace.database, StoredMessage("раз", "lead", "7"), StoredMessage("раз"), StoredMessage("=два"))
    report = labelled_sheet(workspace, tmp_path / f"a.{ending}", "Карта", "Анна")
    assert (report.n_new, report.n_new_labelled, report.n_gone) == (0, 3, 0)
    assert {(label, who) for _, _, label, who, _ in content(workspace)} == {("Карта", "Анна")}
    with workspace.database.connect() as connection:
        assert len(connection.execute(select(message_ids)).all()) == 1


def test_excel_offers_the_classes(tmp_path: Path) -> None:
    from zipfile import ZipFile

    path = tmp_path / "a.xlsx"
    row = Row(ExportedMessage(bytes(16), "=раз"), [("Вход", 0.5)])
    write_rows(path, "xlsx", [row], ["Карта", "=Вход"], is_sheet=True)
    with ZipFile(path) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert 'type="list"' in sheet
        assert "Sheet2!$A$1:$A$2" in sheet
        assert "<f>" not in sheet + parts.read("xl/worksheets/sheet2.xml").decode()
    assert pl.read_excel(path).row(0)[:3] == ("=раз", None, "Вход")


def test_nothing_begins_a_formula_in_a_csv(filled: Workspace, tmp_path: Path) -> None:
    lines = written(filled, tmp_path, "csv").read_text("utf-8-sig").splitlines()
    assert [line for line in lines for cell in line.split('","') if cell.lstrip('"')[:1] in "=+@-" and cell] == []


def test_the_stream_is_the_file(filled: Workspace, tmp_path: Path) -> None:
    parts = list(csv_of(rows_of(filled), at_once=3))
    assert len(parts) == len(STORED) // 3 + 1
    assert b"".join(parts) == written(filled, tmp_path, "csv").read_bytes()


def test_a_suggestion_is_never_a_label(workspace: Workspace, tmp_path: Path) -> None:
    take_in(workspace.database, StoredMessage("раз"))
    (row,) = (Row(row.message, [("Карта", 0.9), ("Вход", 0.1)]) for row in rows_of(workspace))
    for name, ending in FORMATS.items():
        path = tmp_path / f"{name}{ending}"
        write_rows(path, name, [row], ["Карта", "Вход"], is_sheet=True)
        assert ending in (".xlsx", ".parquet") or "Карта" in path.read_text("utf-8")
        assert run_import(workspace, path).n_labelled == 0, name


def test_label_studio_gets_a_prediction_and_prodigy_a_choice(tmp_path: Path) -> None:
    row = Row(ExportedMessage(bytes(16), "раз"), [("Карта", 0.9), ("Вход", 0.1)])
    write_rows(tmp_path / "a.json", "label-studio", [row], ["Карта"], is_sheet=True)
    (task,) = json.loads((tmp_path / "a.json").read_text())
    assert task["annotations"] == []
    (prediction,) = task["predictions"]
    assert (prediction["score"], prediction["result"][0]["value"]) == (0.9, {"choices": ["Карта"]})
    write_rows(tmp_path / "a.jsonl", "prodigy", [row], ["Карта", "Вход"], is_sheet=True)
    item = json.loads((tmp_path / "a.jsonl").read_text())
    assert [one["id"] for one in item["options"]] == ["Карта", "Вход"]
    assert (item["accept"], "answer" in item) == (["Карта"], False)


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [
        ("a.docx", None, "Known endings: .csv"),
        ("a.csv", "excel", "Known formats: csv"),
        ("a.csv", "label-studio", "Name it a.json"),
    ],
)
def test_another_format_is_refused(file: str, name: str | None, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        format_of(Path(file), name)
    assert said in refused.value.next_step


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def broken() -> Iterator[Row]:
        yield Row(ExportedMessage(bytes(16), "раз"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_rows(path, "csv", broken(), is_sheet=False)
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    assert path.read_text() == "old"
    with pytest.raises(FileUnwritable):
        write_rows(tmp_path / "none" / "a.csv", "csv", [], is_sheet=False)


def test_an_empty_workspace_has_nothing_to_write(workspace: Workspace, tmp_path: Path) -> None:
    with workspace.database.connect() as connection:
        assert not has_messages(connection)
    assert write_rows(tmp_path / "a.csv", "csv", rows_of(workspace), is_sheet=False) == 0
