"""Firstline's own sheets of stored messages, which a person corrects: written by `suspects`, read by import.

Each row names its message by key. So a label comes back to the message it was for, whatever a spreadsheet did to the
text, and whichever system its id is from.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from firstline.messages.exports.base import ExportRoles
from firstline.messages.records import Reader, Record, Reject, Value
from firstline.messages.writers import is_formula

KEY_COLUMN = "firstline_key"
_ROLES = {"text": "text", "label": "label", "segment": "segment", "id": KEY_COLUMN}


def key_cell(key: bytes) -> str:
    """The key of a message, 16 bytes, in a form that no spreadsheet changes."""
    return str(UUID(bytes=key))


def correction_roles(columns: Sequence[str]) -> ExportRoles | None:
    """Which column of such a sheet holds what; None if it is not one."""
    if KEY_COLUMN not in columns:
        return None
    roles = {role: name for role, name in _ROLES.items() if name in columns}
    return ExportRoles(roles, frozenset(columns) - {*roles.values()}, are_ids_keys=True)


class CorrectionsReader:
    """Reads a sheet without the apostrophes that keep Excel from running a cell."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.columns, self.described = reader.columns, reader.described

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        """The rows of the sheet."""
        for row in self._reader.records(columns):
            yield row if isinstance(row, Reject) else Record(row.line, [_as_meant(value) for value in row.values])

    def done(self) -> float:
        return self._reader.done()


def _as_meant(value: Value) -> Value:
    is_escaped = isinstance(value, str) and value[:1] == "'" and is_formula(value[1:])
    return value[1:] if is_escaped and isinstance(value, str) else value
