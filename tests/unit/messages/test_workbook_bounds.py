import zipfile
from pathlib import Path

import pytest

from firstline.errors import FileUnreadable
from firstline.messages.workbook_bounds import Extent, check_sheet, check_unpacked
from tests.unit.messages.workbooks import TABLE, cell, write_workbook


@pytest.mark.parametrize(("column", "name"), [(1, "A7"), (26, "Z7"), (27, "AA7"), (702, "ZZ7"), (16_384, "XFD7")])
def test_a_cell_has_the_name_that_excel_gives(column: int, name: str) -> None:
    assert Extent(1, 7, 1, column).last_cell == name


def test_a_sheet_that_fits_passes(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", TABLE)
    check_unpacked(path, 1)
    check_sheet(path, 0, 1)


def test_far_cells_in_different_places_count_together(tmp_path: Path) -> None:
    rows = f'<row r="1">{cell("XFD1", "x")}</row><row r="1048576">{cell("A1048576", "x")}</row>'
    with pytest.raises(FileUnreadable, match="XFD1048576"):
        check_sheet(write_workbook(tmp_path / "a.xlsx", rows), 0, 1)


def test_a_cell_that_two_pieces_share_is_seen(tmp_path: Path) -> None:
    for n_blanks in range(0, 60, 7):
        padding = " " * ((1 << 20) - 200 + n_blanks)
        path = write_workbook(tmp_path / "a.xlsx", f"{cell('A1', 'x')}{padding}{cell('XFD1048576', 'x')}")
        with pytest.raises(FileUnreadable, match="XFD1048576"):
            check_sheet(path, 0, 1)


def test_a_part_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", TABLE + " " * 10_000_000)
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size.to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (1_000).to_bytes(4, "little")))
    with pytest.raises(zipfile.BadZipFile):
        check_unpacked(path, 1)
