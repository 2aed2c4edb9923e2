"""Writes one sheet of Excel, with lists to choose from where a column has them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstline.errors import UsageError, kind_of
from firstline.messages.files_extra import require_files
from firstline.messages.records import Value
from firstline.messages.written_cells import encodable, frame_of
from firstline.store.private import make_private

if TYPE_CHECKING:
    import polars as pl

_CELL_CHARS = 32_767
_DIGITS = 15
"""Excel keeps no more of a number."""
_MOST_ROWS = 1_048_575


class ExcelWriter:
    """The whole table is held in memory, column by column: Excel bounds it by a million rows.

    `choices` are the values that a cell of a column should have; Excel warns of others.
    """

    def __init__(self, path: Path, columns: Sequence[str], choices: Mapping[str, Sequence[str]]) -> None:
        require_files("Excel")
        self._path = path
        self._columns: dict[str, list[Value]] = {name: [] for name in columns}
        self._choices = choices
        self._n_rows = 0

    def write(self, values: Sequence[Value]) -> None:
        self._n_rows += 1
        if self._n_rows > _MOST_ROWS:
            raise UsageError(
                f"A sheet of Excel has at most {_MOST_ROWS:,} rows, and there are more.",
                "Write another format, such as .csv",
            )
        for column, value in zip(self._columns.values(), map(encodable, values), strict=True):
            if isinstance(value, str) and len(value) > _CELL_CHARS:
                raise UsageError(
                    f"Excel allows {_CELL_CHARS:,} characters in a cell, but one text has {len(value):,}.",
                    "Write another format, such as .csv",
                )
            column.append(_exact(value))

    def flush(self) -> int:
        return 0

    def close(self, is_complete: bool) -> None:
        if not is_complete:
            return
        import xlsxwriter
        from xlsxwriter.exceptions import XlsxWriterException

        # Nothing was written so far, and another process may have removed an old empty file.
        make_private(self._path)
        table = frame_of(self._columns)
        # In memory, since its parts would lie in the system's temporary folder otherwise.
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        try:
            with xlsxwriter.Workbook(str(self._path), options) as workbook:
                sheet = table.write_excel(workbook, float_precision=4).worksheets()[0]
                self._offer_choices(workbook, sheet, table)
        except XlsxWriterException as error:
            # It wraps what the system said: no space left.
            raise next((one for one in error.args if isinstance(one, OSError)), OSError(kind_of(error))) from error

    def _offer_choices(self, workbook: Any, sheet: Any, table: "pl.DataFrame") -> None:
        """On a second sheet, since Excel has room for 255 characters in the list itself."""
        for name, choices in self._choices.items():
            if not choices or not table.height:
                continue
            values = workbook.add_worksheet()
            for row, choice in enumerate(choices):
                values.write_string(row, 0, choice)
            column = table.columns.index(name)
            sheet.data_validation(
                1,
                column,
                table.height,
                column,
                {
                    "validate": "list",
                    "source": f"={values.get_name()}!$A$1:$A${len(choices)}",
                    "error_type": "warning",
                },
            )


def _exact(value: Value) -> Value:
    """The value; a whole number that Excel would round, as text: such numbers are ids."""
    is_long = isinstance(value, int) and abs(value) >= 10**_DIGITS
    return str(value) if is_long else value
