"""A folder of Parquet files, read as one table."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from firstline.errors import FileUnreadable
from firstline.messages.formats import open_reader
from firstline.messages.records import Reader, ReadingOptions, Record, Reject


def open_folder(folder: Path, options: ReadingOptions) -> Reader:
    """The Parquet files of a folder in the order of their names; `line` is the row's place in its own file.

    Raises `FileUnreadable` if it has none, or if they differ in their columns.
    """
    files = sorted(path for path in folder.glob("*.parquet") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise FileUnreadable(f"{folder} has no Parquet files.", "Name a file, or a folder of .parquet files.")
    return _FolderReader(files, options)


class _FolderReader:
    def __init__(self, files: Sequence[Path], options: ReadingOptions) -> None:
        self._files = files
        self._options = options
        first = open_reader(files[0], options)
        self.columns = first.columns
        self.described = f"{len(files):,} × {first.described}"
        self._reader: Reader | None = None
        self._n_read = 0

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        for place, file in enumerate(self._files):
            self._n_read = place
            self._reader = open_reader(file, self._options)
            if sorted(self._reader.columns) != sorted(self.columns):
                raise FileUnreadable(
                    f"{file} has other columns than {self._files[0].name}.", "Classify it by itself, or move it away."
                )
            yield from self._reader.records(columns)

    def done(self) -> float:
        return (self._n_read + self._reader.done()) / len(self._files) if self._reader else 0.0
