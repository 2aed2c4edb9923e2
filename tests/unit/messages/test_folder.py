from pathlib import Path

import polars as pl
import pytest

from firstline.errors import FileUnreadable
from firstline.messages.folder import open_folder
from firstline.messages.records import ReadingOptions, Record


def folder_of(tmp_path: Path, **files: dict[str, list[object]]) -> Path:
    for name, columns in files.items():
        pl.DataFrame(columns).write_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, b={"text": ["три"], "n": [3]}, a={"text": ["раз", "два"], "n": [1, 2]})
    (folder / "_SUCCESS").touch()
    (folder / ".c.parquet").touch()
    reader = open_folder(folder, ReadingOptions())
    assert reader.columns == ["text", "n"]
    for _ in range(2):
        assert [row.values for row in reader.records(["n", "text"]) if isinstance(row, Record)] == [
            [1, "раз"],
            [2, "два"],
            [3, "три"],
        ]
    assert reader.done() == 1


def test_columns_may_come_in_another_order(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, a={"text": ["раз"], "n": [1]}, b={"n": [2], "text": ["два"]})
    rows = open_folder(folder, ReadingOptions()).records(["text"])
    assert [row.values for row in rows if isinstance(row, Record)] == [["раз"], ["два"]]


def test_another_column_is_an_error(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, a={"text": ["раз"]}, b={"words": ["два"]})
    with pytest.raises(FileUnreadable, match=r"b\.parquet has other columns than a\.parquet"):
        list(open_folder(folder, ReadingOptions()).records(["text"]))


def test_a_folder_without_parquet_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="has no Parquet files"):
        open_folder(tmp_path, ReadingOptions())
