"""Which reader and which writer a file gets, by its ending."""

from pathlib import Path

from firstline.errors import FileUnreadable, FormatUnknown
from firstline.messages.records import OpenReader, Reader, ReadingOptions


def _delimited(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.delimited import DelimitedReader

    return DelimitedReader(path, options)


def _json_lines(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.json_records import JsonLinesReader

    return JsonLinesReader(path, options)


def _json(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.json_records import JsonReader

    return JsonReader(path, options)


def _parquet(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.columnar import ParquetReader

    return ParquetReader(path, options)


def _excel(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.columnar import ExcelReader

    return ExcelReader(path, options)


_READERS: dict[str, OpenReader] = {
    ".csv": _delimited,
    ".tsv": _delimited,
    ".txt": _delimited,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".parquet": _parquet,
    ".xlsx": _excel,
    ".xls": _excel,
    ".xlsb": _excel,
    ".ods": _excel,
}


def open_reader(path: Path, options: ReadingOptions) -> Reader:
    """A reader for `path`. Raises `FileUnreadable` or `FormatUnknown`."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileUnreadable(f"{path} {what}.", "Name a file.")
    opener = _READERS.get(path.suffix.lower())
    if opener is None:
        raise FormatUnknown(
            f"{path}: files that end in '{path.suffix}' are not known.",
            f"Known endings: {' '.join(_READERS)}",
        )
    return opener(path, options)
