"""Cells as tables can hold them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from firstline.messages.records import Value

if TYPE_CHECKING:
    import polars as pl


def encodable(value: Value) -> Value:
    """The value; a question mark for what could not be decoded in a text; bytes and integers over 64 bits as text."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", errors="replace").decode("utf-8")
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, list):
        return [encodable(part) for part in value]
    if isinstance(value, dict):
        return {encodable(key): encodable(part) for key, part in value.items()}
    return str(value) if isinstance(value, int) and value.bit_length() > 63 else value


def plain(value: Value) -> Value:
    """A value for a cell of text: lists, objects, true and false as JSON."""
    return msgspec.json.encode(value, enc_hook=str).decode() if isinstance(value, (dict, list, bool)) else value


def frame_of(columns: Mapping[str, Sequence[Value]]) -> "pl.DataFrame":
    """Encodable values, column by column, each unchanged if its values have one type and otherwise as text."""
    import polars as pl

    return pl.DataFrame({name: _series(name, values) for name, values in columns.items()})


def _series(name: str, values: Sequence[Value]) -> "pl.Series":
    import polars as pl

    kinds = {type(value) for value in values if value is not None}
    return text_series(name, values) if len(kinds) > 1 or kinds & {dict, list} else pl.Series(name, values)


def text_series(name: str, values: Sequence[Value]) -> "pl.Series":
    """A column as text."""
    import polars as pl

    return pl.Series(name, [None if value is None else str(plain(value)) for value in values], pl.String)
