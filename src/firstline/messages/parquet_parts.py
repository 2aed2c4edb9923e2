"""Writes Parquet part by part, and joins the parts at the end, so that no table is ever in memory whole."""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.errors import kind_of
from firstline.files import whole_file
from firstline.messages.files_extra import require_files
from firstline.messages.records import Value
from firstline.messages.written_cells import encodable, frame_of, text_series
from firstline.store.private import make_private

if TYPE_CHECKING:
    import polars as pl

_PART_ROWS = 8_192


class ParquetWriter:
    """A table in `path`, whose first `position` parts an earlier writer wrote. See `writers.Writer`.

    Parts are files next to it, `NAME.000000.unfinished`. A column keeps its type if that is the same in all parts,
    and else is text, as if the table had been written at once. Raises `ExtraMissing`.
    """

    def __init__(self, path: Path, columns: Sequence[str], position: int | None) -> None:
        require_files("Parquet")
        self._path = path
        self._is_resumable = position is not None
        self._columns: dict[str, list[Value]] = {name: [] for name in columns}
        self._n_rows = 0
        self._parts = [self._part(number) for number in range(position or 0)]
        if not all(part.is_file() for part in self._parts):
            raise OSError(errno.EIO, f"what an earlier run wrote is damaged, delete {path.parent}")

    def write(self, values: Sequence[Value]) -> None:
        for column, value in zip(self._columns.values(), map(encodable, values), strict=True):
            column.append(value)
        self._n_rows += 1
        if self._n_rows == _PART_ROWS:
            self._end_part()

    def flush(self) -> int:
        if self._n_rows:
            self._end_part()
        return len(self._parts)

    def close(self, is_complete: bool) -> None:
        try:
            if is_complete:
                self._join()
        finally:
            if is_complete or not self._is_resumable:
                for part in self._parts:
                    part.unlink(missing_ok=True)

    def _join(self) -> None:
        # Nothing was written so far, and another process may have removed an old empty file.
        make_private(self._path)
        if self._parts:
            self.flush()
        with _system_errors():
            if self._parts:
                _joined(self._parts).sink_parquet(self._path)
            else:
                frame_of(self._columns).write_parquet(self._path)

    def _part(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number:06}.unfinished")

    def _end_part(self) -> None:
        part = self._part(len(self._parts))
        self._parts.append(part)
        _write(frame_of(self._columns), part)
        for column in self._columns.values():
            column.clear()
        self._n_rows = 0


def _joined(parts: Sequence[Path]) -> "pl.LazyFrame":
    """The rows of all parts. A part with a column that is text as a whole is written again if it has another type."""
    import polars as pl

    schemas = [pl.read_parquet_schema(part) for part in parts]
    types = {name: {schema[name] for schema in schemas} - {pl.Null()} for name in schemas[0]}
    mixed = [name for name, found in types.items() if len(found) > 1]
    whole = pl.Schema(
        {name: pl.String() if name in mixed else next(iter(found), pl.Null()) for name, found in types.items()}
    )
    for part, schema in zip(parts, schemas, strict=True):
        if any(schema[name] not in (pl.String(), pl.Null()) for name in mixed):
            table = pl.read_parquet(part, glob=False)
            _write(table.with_columns(text_series(name, table[name].to_list()) for name in mixed), part)
    return pl.concat(pl.scan_parquet(part, glob=False).cast(whole) for part in parts)


def _write(table: "pl.DataFrame", part: Path) -> None:
    """Write a part with mode 600. A process that is killed here leaves what was there before."""
    with whole_file(part) as unfinished:
        make_private(unfinished)
        with _system_errors():
            table.write_parquet(unfinished)


@contextmanager
def _system_errors() -> Iterator[None]:
    """What Polars says about the system as an `OSError`: `No space left on device`."""
    import polars as pl

    try:
        yield
    except pl.exceptions.PolarsError as error:
        found = re.search(r"\(os error (\d+)\)", str(error))
        raise OSError(os.strerror(int(found[1])) if found else kind_of(error)) from error
