import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from firstline.errors import FileUnwritable, FormatUnknown, UsageError
from firstline.messages.writers import TableFile
from tests.unit.messages.reading import read

ENDINGS = ["csv", "tsv", "jsonl", "json", "parquet", "xlsx"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_written_is_read_again(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    rows = [('раз,\t"два"\nтри', "0012"), ("=1+1", "x")]
    with TableFile(path, ["text", "id"]) as table:
        for row in rows:
            table.write(row)
    found = read(path)
    assert (found.columns, found.rows) == (["text", "id"], rows)


@pytest.mark.parametrize("ending", ENDINGS)
def test_odd_values_are_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    with TableFile(path, ["text", "x"]) as table:
        for value in ("раз\udcff", None, 1.5, 10**30, [1, {"a": "б"}], datetime(2026, 1, 1, tzinfo=UTC), float("nan")):
            table.write(["раз\udcff", value])
    assert [row[0] for row in read(path).rows] == ["раз?"] * 7


@pytest.mark.parametrize("ending", ENDINGS)
def test_bytes_are_written_as_the_text_that_they_are(tmp_path: Path, ending: str) -> None:
    with TableFile(tmp_path / f"a.{ending}", ["text", "x", "inside"]) as table:
        table.write(["раз", "два".encode(), [b"a\xff"]])
    assert str(read(tmp_path / f"a.{ending}").rows[0][1:]) in ("('два', ['a�'])", """('два', '["a�"]')""")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failure_leaves_no_file_and_the_last_one_as_it_was(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_text("the last one")
    with pytest.raises(RuntimeError), TableFile(path, ["text"]) as table:
        table.write(["раз"])
        raise RuntimeError
    assert path.read_text() == "the last one"
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_of_two_that_write_at_once_the_last_to_finish_wins_whole(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    with TableFile(path, ["text"]) as last:
        last.write(["раз"])
        with TableFile(path, ["text"]) as first:
            first.write(["два"])
        last.write(["три"])
    assert read(path).rows == [("раз",), ("три",)]
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ["parquet", "xlsx"])
def test_a_table_whose_empty_file_was_tidied_away_is_private(tmp_path: Path, ending: str) -> None:
    with TableFile(tmp_path / f"a.{ending}", ["text"]) as table:
        for path in tmp_path.iterdir():
            path.unlink()
        table.write(["раз"])
    assert (tmp_path / f"a.{ending}").stat().st_mode & 0o777 == 0o600


def test_a_long_name_is_written(tmp_path: Path) -> None:
    path = tmp_path / f"{'я' * 125}.csv"
    with TableFile(path, ["text"]):
        pass
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_file_in_the_place_of_the_folder_is_named_so(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(FileUnwritable, match=r"a/b\.csv cannot be written: Not a directory"):
        TableFile(tmp_path / "a" / "b.csv", ["text"])


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "parquet", "xlsx"])
def test_a_table_without_rows_is_a_file(tmp_path: Path, ending: str) -> None:
    with TableFile(tmp_path / f"a.{ending}", ["text"]):
        pass
    assert (tmp_path / f"a.{ending}").is_file()


@pytest.mark.parametrize("ending", ENDINGS)
def test_only_the_owner_reads_what_is_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_text("the last one")
    with TableFile(path, ["text"]) as table:
        table.write(["раз"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_excel_file_takes_no_room_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with TableFile(tmp_path / "a.xlsx", ["text"]) as table:
        table.write(["раз"])
    assert read(tmp_path / "a.xlsx").rows == [("раз",)]


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    with TableFile(tmp_path / "a.parquet", ["confidence"]) as table:
        table.write([0.5])
        table.write([None])
    assert pl.read_parquet(tmp_path / "a.parquet")["confidence"].to_list() == [0.5, None]


@pytest.mark.parametrize("number", [741519713847070720, -(10**15)])
def test_a_number_that_excel_would_round_is_a_text(tmp_path: Path, number: int) -> None:
    with TableFile(tmp_path / "a.xlsx", ["id", "text"]) as table:
        table.write([number, "раз"])
        table.write([number + 1, "два"])
    assert [row[0] for row in read(tmp_path / "a.xlsx").rows] == [str(number), str(number + 1)]


def test_a_number_of_15_digits_stays_a_number_in_excel(tmp_path: Path) -> None:
    with TableFile(tmp_path / "a.xlsx", ["id", "text"]) as table:
        table.write([999_999_999_999_999, "раз"])
    assert pl.read_excel(tmp_path / "a.xlsx")["id"].to_list() == [999_999_999_999_999]


def test_true_and_false_are_written_as_in_json(tmp_path: Path) -> None:
    with TableFile(tmp_path / "a.csv", ["is_new"]) as table:
        table.write([True])
        table.write([False])
    assert (tmp_path / "a.csv").read_text("utf-8") == "is_new\ntrue\nfalse\n"


def test_a_text_that_excel_would_drop_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="32,767 characters"), TableFile(tmp_path / "a.xlsx", ["text"]) as table:
        table.write(["а" * 40_000])


def test_an_ending_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatUnknown, match=r"does not write files that end in '\.doc'"):
        TableFile(tmp_path / "a.doc", ["text"])


@pytest.mark.parametrize("cell", ["=1+1", "+7", "-1", "@a", "\ta", "\ra", "＝1"])
def test_a_text_that_excel_would_run_gets_an_apostrophe(tmp_path: Path, cell: str) -> None:
    with TableFile(tmp_path / "a.csv", ["text", "x"], is_safe_for_excel=True) as table:
        table.write([cell, -1.5])
    assert read(tmp_path / "a.csv").rows == [(f"'{cell}", "-1.5")]


def test_no_formula_hides_behind_another_delimiter(tmp_path: Path) -> None:
    with TableFile(tmp_path / "a.csv", ["text"], is_safe_for_excel=True) as table:
        table.write(["a;=1+1"])
    assert (tmp_path / "a.csv").read_text("utf-8") == '"text"\n"a;=1+1"\n'


FULL_DISK = """
import resource, signal, sys, tempfile
from pathlib import Path
from firstline.errors import FileUnwritable
from firstline.messages.writers import TableFile
import polars
if sys.argv[1].endswith("xlsx"):
    import xlsxwriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.RLIM_INFINITY))
try:
    with TableFile(Path(sys.argv[1]), ["text"]) as table:
        for number in range(30_000):
            table.write([f"тайна {number * 7919 % 30_011}"])
except FileUnwritable as error:
    print(error.message)
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_nothing(tmp_path: Path, ending: str) -> None:
    temporary = tmp_path / "temporary"
    out = tmp_path / "out"
    temporary.mkdir()
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, out / f"a.{ending}"],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        encoding="utf-8",
    )
    assert f"a.{ending} cannot be written: File too large." in done.stdout
    assert done.stderr == ""
    assert not [*temporary.iterdir(), *out.iterdir()]
