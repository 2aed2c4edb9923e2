from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from firstline.errors import FileUnreadable
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions, Record
from tests.unit.messages.reading import read


def written(tmp_path: Path, **columns: object) -> Path:
    pl.DataFrame(columns).write_parquet(tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def test_parquet_is_read_in_order(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["раз", None], "at": [datetime(2026, 1, 2), None]}).write_parquet(tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert table.rows == [("раз", datetime(2026, 1, 2)), (None, None)]
    assert table.lines == [1, 2]


def test_more_rows_than_a_slice_keep_their_places(tmp_path: Path) -> None:
    pl.DataFrame({"n": range(45_000)}).write_parquet(tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert [row[0] for row in table.rows] == list(range(45_000))
    assert table.lines[-1] == 45_000


def test_one_column_may_serve_twice(tmp_path: Path) -> None:
    reader = open_reader(written(tmp_path, n=["раз"], text=["два"]), ReadingOptions())
    rows = list(reader.records(["n", "text", "n"]))
    assert [list(row.values) for row in rows if isinstance(row, Record)] == [["раз", "два", "раз"]]


def test_a_file_can_be_read_again(tmp_path: Path) -> None:
    reader = open_reader(written(tmp_path, text=["раз", "два"]), ReadingOptions())
    first, second = list(reader.records(["text"])), list(reader.records(["text"]))
    assert first == second == [Record(1, ["раз"]), Record(2, ["два"])]
    assert reader.done() == 1.0


@pytest.mark.parametrize(
    "moments",
    [
        pl.Series([10**9, 20_454], dtype=pl.Int32).cast(pl.Date),
        pl.Series([-(10**18), 1]).cast(pl.Datetime("us")),
        pl.Series([10**18, 1]).cast(pl.Datetime("ms", "Europe/Moscow")),
        pl.Series([2**62, 1]).cast(pl.Duration("ms")),
        pl.Series([[10**9], [20_454]], dtype=pl.List(pl.Int32)).cast(pl.List(pl.Date)),
    ],
    ids=["date", "datetime", "zone", "duration", "list"],
)
def test_a_moment_that_python_does_not_know_is_an_empty_cell(tmp_path: Path, moments: pl.Series) -> None:
    rows = read(written(tmp_path, text=["раз", "два"], at=moments)).rows
    assert rows[0] == ("раз", None)
    assert rows[1] == ("два", moments[1:].to_list()[0])


def test_cells_of_any_kind_become_values_of_python(tmp_path: Path) -> None:
    rows = read(written(tmp_path, a=[Decimal("1.50")], b=[[1, 2]], c=[{"x": "y"}], d=[b"\xff"])).rows
    assert rows == [(Decimal("1.50"), [1, 2], {"x": "y"}, b"\xff")]


def test_more_rows_than_a_file_can_hold_are_an_error(tmp_path: Path) -> None:
    pl.select(text=pl.repeat("раз", 3_000_000)).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(FileUnreadable, match="3,000,000 rows, too many for its size"):
        read(tmp_path / "a.parquet")


def test_strings_that_unpack_to_gigabytes_are_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, text=["я" * 5_000_000] * 60)
    assert path.stat().st_size < 10_000
    with pytest.raises(FileUnreadable, match=r"cannot be read as Parquet in 0\.3 GB of memory"):
        read(path, memory_gb=0.3)


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\xff" * 100 + b"PAR1")
    with pytest.raises(FileUnreadable, match="cannot be read as Parquet: it is damaged"):
        read(tmp_path / "a.parquet")


def test_another_content_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("id,text\n")
    with pytest.raises(FileUnreadable, match="cannot be read as Parquet: it is text"):
        read(tmp_path / "a.parquet")
