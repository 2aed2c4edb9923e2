"""Workbooks: .xlsx, .xls, .xlsb and .ods, through fastexcel."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.errors import ColumnMissing, FileUnreadable, UsageError
from firstline.messages.bounded import BoundedReader
from firstline.messages.column_names import describe_columns, is_plain
from firstline.messages.columnar import SLICE_ROWS, frame_rows
from firstline.messages.columns import names_text
from firstline.messages.contents import WORKBOOKS, Content, content_of, other_content, workbook_ending
from firstline.messages.files_extra import require_files
from firstline.messages.headers import check_width, find_header
from firstline.messages.records import Reader, ReadingOptions, Value, unique_names
from firstline.messages.workbook_bounds import check_sheet, check_unpacked

if TYPE_CHECKING:
    import fastexcel
    import polars as pl

_PEEKED_ROWS = 100
_MAX_SHEETS_SEARCHED = 20
_MAX_SHEETS_NAMED = 10


def open_excel(path: Path, options: ReadingOptions) -> Reader:
    """One sheet of a workbook; `line` is the row in the sheet, from 1; empty rows count.

    Without a `sheet` it is the first, or the only one with a text column if the first has none.
    Raises `FileUnreadable`, `ColumnMissing` if no sheet has a text column, `UsageError` for an unknown sheet,
    `ExtraMissing`.
    """
    content = content_of(path)
    if content not in WORKBOOKS:
        raise other_content(path, content, "Excel")
    require_files("Excel")
    # Sheets are packed to a tenth or less.
    size_bytes = path.stat().st_size * (20 if content is Content.workbook else 1)
    return BoundedReader(path, options, _ExcelTable, "Excel", size_bytes)


@dataclass(frozen=True)
class _Sheet:
    """A sheet and where its table begins; `names` are those of its columns, `header_row` counts from 1."""

    place: int
    names: list[str]
    header_row: int


class _ExcelTable:
    """The workbook in the process that reads it."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        self._path = path
        self._options = options
        self._is_zip = content_of(path) is Content.workbook
        if self._is_zip:
            check_unpacked(path, options.memory_gb)
        self._workbook = _open_workbook(path)
        self._sheets = self._workbook.sheet_names
        sheet = self._said_sheet() if options.sheet else self._found_sheet()
        self.columns = sheet.names
        self._first_row = sheet.header_row + 1
        self._frame = self._load(sheet)
        self.n_rows = self._frame.height
        self.described = ", ".join(self._describe(sheet))

    def parts(self, columns: Sequence[str]) -> Iterator[list[tuple[int, Sequence[Value]]]]:
        places = [self.columns.index(name) for name in columns]
        for start in range(0, self.n_rows, SLICE_ROWS):
            part = self._frame.slice(start, SLICE_ROWS)
            filled = part.select(_any_filled(part)).to_series().to_list()
            rows = frame_rows(part[:, places])
            yield [
                (line, row)
                for line, (row, is_filled) in enumerate(zip(rows, filled, strict=True), self._first_row + start)
                if is_filled
            ]

    def _describe(self, sheet: _Sheet) -> Iterator[str]:
        yield "Excel"
        if len(self._sheets) > 1:
            yield f"sheet {self._called(sheet.place)} of {len(self._sheets)}"
        if not self._options.has_header:
            yield "no header"
        elif sheet.header_row > 1:
            yield f"header in row {sheet.header_row}"

    def _said_sheet(self) -> _Sheet:
        """By its name, or else by its number."""
        said = self._options.sheet or ""
        if said in self._sheets:
            sheet = self._peek(self._sheets.index(said))
        elif said.isdecimal() and 1 <= int(said) <= len(self._sheets):
            sheet = self._peek(int(said) - 1)
        else:
            raise UsageError(
                f"{self._path} has no sheet '{said}'. {self._listed()}.", "Name one of them, or its number: --sheet 1"
            )
        if not sheet.names:
            raise FileUnreadable(f"{self._path}: the sheet {self._called(sheet.place)} is empty.", "Name another one.")
        self._require_text(sheet)
        return sheet

    def _found_sheet(self) -> _Sheet:
        """The first, unless another is the only one with a text column."""
        if not self._sheets:
            raise FileUnreadable(f"{self._path} has no sheet.", "Export it again.")
        first = self._peek(0)
        others: list[_Sheet] | None = None
        for fits in self._wishes():
            if fits(first):
                return first
            if others is None:
                n_searched = min(len(self._sheets), _MAX_SHEETS_SEARCHED)
                others = [self._peek_if_table(place) for place in range(1, n_searched)]
            found = [sheet for sheet in others if fits(sheet)]
            if len(found) == 1:
                return found[0]
        if not first.names:
            raise FileUnreadable(
                f"{self._path}: the first sheet is empty. {self._listed()}.",
                "Name the sheet with the messages: --sheet NAME or --sheet NUMBER",
            )
        self._require_text(first)
        return first

    def _wishes(self) -> Iterator[Callable[[_Sheet], bool]]:
        """What a sheet should have, best first."""
        named = self._options.text_column
        if named and self._options.has_header:
            yield lambda sheet: named in sheet.names
        yield self._has_text

    def _has_text(self, sheet: _Sheet) -> bool:
        if not self._options.has_header:
            return bool(sheet.names)
        return names_text(sheet.names, self._options.text_column)

    def _require_text(self, sheet: _Sheet) -> None:
        """Raises `ColumnMissing` here, since only this room knows the sheets."""
        if self._has_text(sheet):
            return
        described = describe_columns(sheet.names, self._path.suffix)
        raise ColumnMissing(
            f"{self._path}, sheet {self._called(sheet.place)}: no column is known to hold the text. {described}."
            f" {self._listed()}.",
            "Name the column: --text COLUMN; or the sheet: --sheet NUMBER; or the row of the names: --header-row N",
        )

    def _listed(self) -> str:
        named = [f"{place + 1} {self._called(place)}" for place in range(min(len(self._sheets), _MAX_SHEETS_NAMED))]
        rest = ", ..." if len(self._sheets) > _MAX_SHEETS_NAMED else ""
        return f"Its sheets: {', '.join(named)}{rest}"

    def _called(self, place: int) -> str:
        """The name in quotes, or the number if the name may be personal."""
        name = self._sheets[place]
        return f"'{name}'" if is_plain(name) else f"number {place + 1}"

    def _peek_if_table(self, place: int) -> _Sheet:
        """Where the table of a sheet begins; without columns if it is not a table, for example a chart."""
        try:
            return self._peek(place)
        except Exception:
            return _Sheet(place, [], 0)

    def _peek(self, place: int) -> _Sheet:
        """Where the table of a sheet begins."""
        if self._is_zip:
            check_sheet(self._path, place, self._options.memory_gb)
        n_rows = max(_PEEKED_ROWS, self._options.header_row or 0)
        peeked = self._workbook.load_sheet(place, header_row=None, skip_rows=0, n_rows=n_rows, dtypes="string")
        frame = peeked.to_polars()
        check_width(self._path, frame.width)
        if not frame.width or not self._options.has_header:
            return _Sheet(place, [str(column + 1) for column in range(frame.width)], 0)
        # People break the lines of a header to make its column narrow.
        rows = [["" if cell is None else " ".join(str(cell).splitlines()) for cell in row] for row in frame.rows()]
        if self._options.header_row is None:
            header = find_header(rows, self._options.text_column)
        else:
            header = self._options.header_row - 1
        if header >= len(rows):
            raise FileUnreadable(
                f"{self._path}: the sheet {self._called(place)} has no row {header + 1}.",
                "Name another: --header-row N",
            )
        return _Sheet(place, unique_names(rows[header]), header + 1)

    def _load(self, sheet: _Sheet) -> "pl.DataFrame":
        """The rows below the header, all columns."""
        loaded = self._workbook.load_sheet(
            sheet.place, header_row=None, skip_rows=sheet.header_row, schema_sample_rows=None
        )
        frame = loaded.to_polars()
        if not frame.width:
            return frame
        return frame.rename(dict(zip(frame.columns, sheet.names, strict=True)))


def _any_filled(frame: "pl.DataFrame") -> "pl.Expr":
    """Whether a row has a value in any column."""
    import polars as pl

    return pl.any_horizontal(pl.all().is_not_null())


def _open_workbook(path: Path) -> "fastexcel.ExcelReader":
    """By its content if that is another kind of workbook than its ending says."""
    import fastexcel

    is_named_right = path.suffix.lower() == workbook_ending(path)
    return fastexcel.read_excel(path if is_named_right else path.read_bytes())
