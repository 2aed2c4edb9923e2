"""Which reader and which writer a file gets, by its ending."""

from pathlib import Path

from firstline.errors import FileUnreadable, FormatUnknown, UsageError
from firstline.messages.contents import Content, content_of, other_content
from firstline.messages.records import OpenReader, Reader, ReadingOptions


def _delimited(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.delimited import DelimitedReader

    return DelimitedReader(path, options)


def _text(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.plain_text import open_text

    return open_text(path, options)


def _json_lines(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.json_records import JsonLinesReader

    return JsonLinesReader(path, options)


def _json(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.json_records import JsonReader

    return JsonReader(path, options)


def _parquet(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.columnar import open_parquet

    return open_parquet(path, options)


def _excel(path: Path, options: ReadingOptions) -> Reader:
    from firstline.messages.excel import open_excel

    return open_excel(path, options)


_READERS: dict[str, OpenReader] = {
    ".csv": _delimited,
    ".tsv": _delimited,
    ".tab": _delimited,
    ".txt": _text,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".parquet": _parquet,
    ".xlsx": _excel,
    ".xlsm": _excel,
    ".xls": _excel,
    ".xlsb": _excel,
    ".ods": _excel,
}
_TABLES = (_delimited, _text, _excel)
_TEXT_NAMES = {_delimited: "CSV", _text: "text", _json_lines: "JSON Lines", _json: "JSON"}


def open_reader(path: Path, options: ReadingOptions) -> Reader:
    """A reader for `path`. Raises `FileUnreadable`, `FormatUnknown`, or `UsageError` for options of other formats."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileUnreadable(f"{path} {what}.", "Name a file.")
    opener = _READERS.get(path.suffix.lower())
    if opener is None:
        content = content_of(path)
        if content in (Content.gzip, Content.archive):
            raise other_content(path, content, "a table")
        raise FormatUnknown(
            f"{path}: Firstline does not read files that end in '{path.suffix}'.",
            f"Known endings: {' '.join(_READERS)}",
        )
    _check_options(path, opener, options)
    if opener in _TEXT_NAMES:
        content = content_of(path)
        if content not in (Content.text, Content.other):
            raise other_content(path, content, _TEXT_NAMES[opener])
    return opener(path, options)


def _check_options(path: Path, opener: OpenReader, options: ReadingOptions) -> None:
    if options.sheet is not None and opener is not _excel:
        raise UsageError(f"--sheet is for workbooks, but {path} is not one.", "Leave --sheet out.")
    if opener in _TABLES:
        return
    if options.header_row is not None or not options.has_header:
        raise UsageError(
            f"{path} names its columns itself: --header-row and --no-header are for CSV, TSV, text and Excel.",
            "Leave them out.",
        )
