"""The extra `files`: the libraries that read and write Parquet and Excel, which a serving machine may lack."""

from importlib.util import find_spec

from firstline.errors import ExtraMissing

_LIBRARIES = ("polars", "fastexcel", "xlsxwriter")


def require_files(format_name: str) -> None:
    """Raises `ExtraMissing` if Parquet and Excel cannot be read and written here."""
    if not all(find_spec(name) for name in _LIBRARIES):
        raise ExtraMissing(f"The format {format_name}", "files")
