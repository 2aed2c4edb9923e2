from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from firstline.messages import parquet_parts
from firstline.messages.records import Value
from firstline.messages.writers import TableFile


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_parts, "_PART_ROWS", 2)


def write(path: Path, values: Sequence[Value]) -> pl.Series:
    with TableFile(path, ["x"]) as table:
        for value in values:
            table.write([value])
    return pl.read_parquet(path)["x"]


@pytest.mark.parametrize(
    "values",
    [
        ["раз", "два", "три"],
        [1, 2, 3, None, None, None, 7],
        [None, None, None, 0.5, 1.5],
        [True, False, True],
        [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)],
        [Decimal("1.10"), Decimal("2.25"), Decimal("3.00")],
    ],
)
def test_a_column_of_one_type_keeps_it(tmp_path: Path, values: list[Value]) -> None:
    found = write(tmp_path / "a.parquet", values)
    assert found.to_list() == values
    assert found.dtype == pl.Series(values).dtype


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, "три"], ["1", "2", "три"]),
        ([1, 2, 0.5, 1e20], ["1", "2", "0.5", "1e+20"]),
        ([True, True, 1, None], ["true", "true", "1", None]),
        (["раз", "два", datetime(2026, 1, 1, 10), None], ["раз", "два", "2026-01-01 10:00:00", None]),
        ([datetime(2026, 1, 1, 10), None, 1, 2], ["2026-01-01 10:00:00", None, "1", "2"]),
        ([1, 2, {"a": [1]}], ["1", "2", '{"a":[1]}']),
    ],
)
def test_a_column_of_several_types_is_text_in_all_parts(
    tmp_path: Path, values: list[Value], expected: list[str | None]
) -> None:
    assert write(tmp_path / "a.parquet", values).to_list() == expected


def test_parts_are_gone_at_the_end(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", list(range(9)))
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_parts_are_gone_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), TableFile(tmp_path / "a.parquet", ["x"]) as table:
        for number in range(9):
            table.write([number])
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_only_the_owner_reads_a_part(tmp_path: Path) -> None:
    with TableFile(tmp_path / "a.parquet", ["x"]) as table:
        for number in range(3):
            table.write([number])
        assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600, 0o600]
