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
_ROLES = {name: name for name in ("text", "label", "labelled_by", "segment")}
_IDS = ("message_id", "id")
"""doccano's own ids have the second name."""


def key_cell(key: bytes) -> str:
    """The key of a message, 16 bytes, in a form that no spreadsheet changes."""
    return str(UUID(bytes=key))


def own_roles(columns: Sequence[str], export: ExportRoles | None = None) -> ExportRoles | None:
    """Which column of such a sheet holds what; `export` if it is not one.

    `export` is known if another tool has read the sheet and written it again.
    """
    if KEY_COLUMN not in columns:
        return export
    of_export = export.columns if export else {}
    named = {role: of_export.get(role, name) for role, name in _ROLES.items()}
    roles = {role: name for role, name in named.items() if name in columns}
    elsewhere = roles | ({"sent_at": "sent_at"} if "sent_at" in columns else {})
    if found := next((name for name in _IDS if name in columns), None):
        elsewhere["id"] = found
    keyed = {**roles, "id": KEY_COLUMN}
    return ExportRoles(
        keyed, frozenset(columns) - {*keyed.values()}, is_own=True, are_ids_keys=True, as_messages=elsewhere
    )


def of_messages(roles: ExportRoles, columns: Sequence[str]) -> ExportRoles:
    """The roles of a sheet whose rows are new messages, since it was written in another workspace."""
    return ExportRoles(roles.as_messages, frozenset(columns) - {*roles.as_messages.values()}, is_own=True)


def guarded(value: Value) -> Value:
    """A cell of a table in which `CorrectionsReader` finds the value again, though it begins with an apostrophe."""
    is_like_one = isinstance(value, str) and value[:1] == "'" and is_formula(value.lstrip("'"))
    return f"'{value}" if is_like_one else value


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
    is_escaped = isinstance(value, str) and value[:1] == "'" and is_formula(value.lstrip("'"))
    return value[1:] if is_escaped and isinstance(value, str) else value
