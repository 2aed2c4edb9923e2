"""From a file's rows to masked messages, in the same way for import, evaluation and classification."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from firstline.errors import UnusableCell
from firstline.messages.ahead import by_another_core
from firstline.messages.cells import read_author, read_label, read_name, read_text
from firstline.messages.columns import ColumnMap
from firstline.messages.records import Reader, Record, Reject, Value
from firstline.messages.survey import NOTHING_FOUND, Survey
from firstline.messages.times import read_time
from firstline.text.emails import own_words
from firstline.text.masks import Masker
from firstline.text.personal import holds_personal_data
from firstline.text.rules import nfc, white_space
from firstline.types import Label

_REMEMBERED_NAMES = 10_000

_READ = ("text", "id", "label", "segment", "sent_at", "conversation", "author", "labelled_by")


@dataclass(frozen=True, slots=True)
class Incoming:
    """One masked message of a file; `line` is where it is, or where its conversation begins."""

    line: int
    text: str
    external_id: str | None = None
    label: Label | None = None
    segment: str | None = None
    sent_at: datetime | None = None
    conversation: str | None = None
    author: str | None = None
    is_cut: bool = False
    """Whether quoted replies or a signature were cut from it."""
    labelled_by: str | None = None

    def __reduce__(self) -> tuple[object, ...]:
        # A million of them go from one process to another: in a third of the time that a data class takes.
        return Incoming, (
            self.line,
            self.text,
            self.external_id,
            self.label,
            self.segment,
            self.sent_at,
            self.conversation,
            self.author,
            self.is_cut,
            self.labelled_by,
        )


HashId = Callable[[str], str]
"""Makes a hash of an id that holds personal data."""


def read_rows(
    reader: Reader,
    columns: ColumnMap,
    masker: Masker,
    hash_id: HashId | None = None,
    *,
    cut_quotes: bool = False,
    by_two_cores: bool = False,
    found: Survey = NOTHING_FOUND,
    keeps_lines: bool = False,
) -> Iterator[Incoming | Reject]:
    """Each row as a masked message, or a reject with its reason. Conversations are not joined yet.

    With `cut_quotes`, e-mails lose their quoted replies and signatures before they are masked. A class or
    segment that holds personal data is a reject; an id that does becomes its hash, or stays as it is without
    `hash_id`: then nothing may store it. What support wrote in a conversation is not read: nobody uses it, and
    its faults are no loss. With `by_two_cores`, another process masks what this one reads. `found` is what a
    look at the whole columns has found. With `keeps_lines`, each line of a text is masked and stays one.
    """
    roles = tuple(role for role in _READ if role in columns.names)
    agents = agent_names(columns.agent_values) if columns.is_conversation else frozenset()
    reading = _Reading(roles, masker, hash_id, agents, cut_quotes, found, keeps_lines)
    rows = reader.records([columns.names[role] for role in roles])
    if by_two_cores:
        yield from by_another_core(reading, rows)
    else:
        for row in rows:
            yield from reading([row])


class Names:
    """Keeps personal data out of ids, classes and segments."""

    def __init__(self, masker: Masker, hash_id: HashId | None = None) -> None:
        self._hash_id = hash_id
        self._is_personal = lru_cache(_REMEMBERED_NAMES)(lambda value: holds_personal_data(value, masker))

    def id(self, value: str | None) -> str | None:
        """The id, or its hash if it holds personal data."""
        if value is None or self._hash_id is None or not self._is_personal(value):
            return value
        return self._hash_id(value)

    def name(self, value: str | None, role: str, is_read: bool) -> str | None:
        """The name of a class or segment, or None if it is not read. Raises `UnusableCell` for personal data."""
        if value is None or not self._is_personal(value):
            return value
        if is_read:
            raise UnusableCell(f"the {role} holds personal data")
        return None


@dataclass(frozen=True)
class _Reading:
    """Makes masked messages of rows whose cells stand in the order of `roles`; can be sent to another process."""

    roles: tuple[str, ...]
    masker: Masker
    hash_id: HashId | None
    agents: frozenset[str]
    cut_quotes: bool
    found: Survey
    keeps_lines: bool = False

    def __call__(self, rows: list[Record | Reject]) -> list[Incoming | Reject]:
        return [row if isinstance(row, Reject) else self._read(row) for row in rows]

    @cached_property
    def _names(self) -> Names:
        return Names(self.masker, self.hash_id)

    @cached_property
    def _cells(self) -> Callable[[Sequence[Value]], tuple[Value, ...]]:
        """The cells of a row in the order of `_READ`, None for what the file does not have."""
        places = [self.roles.index(role) if role in self.roles else None for role in _READ]
        return lambda values: tuple(None if place is None else values[place] for place in places)

    def _read(self, row: Record) -> Incoming | Reject:
        text_cell, id_cell, label_cell, segment_cell, moment, conversation_cell, author_cell, by_cell = self._cells(
            row.values
        )
        names = self._names
        try:
            author = read_author(author_cell)
            is_read = not is_agent(author, self.agents)
            text = read_text(text_cell) if is_read else ""
            external_id, conversation = read_name(id_cell), read_name(conversation_cell)
            label = names.name(self._label(label_cell, is_read), "class", is_read)
            segment = names.name(read_name(segment_cell), "segment", is_read)
            labelled_by = names.id(read_name(by_cell)) if label is not None else None
        except UnusableCell as problem:
            return Reject(row.line, str(problem))
        is_conversation = "conversation" in self.roles
        if is_conversation and conversation is None:
            return Reject(row.line, "no conversation id")
        own = own_words(text) if self.cut_quotes else text
        masked = self._masked(own)
        if not masked and not is_conversation:
            return Reject(row.line, "no text")
        return Incoming(
            line=row.line,
            text=masked,
            external_id=names.id(external_id),
            label=label,
            segment=segment,
            sent_at=None if moment in (None, "") else read_time(moment, month_first=self.found.month_first),
            conversation=names.id(conversation),
            author=author,
            is_cut=own != text,
            labelled_by=labelled_by,
        )

    def _masked(self, text: str) -> str:
        if not self.keeps_lines:
            return self.masker(text)
        return "\n".join(line for part in text.split("\n") if (line := self.masker(part)))

    def _label(self, cell: Value, is_read: bool) -> Label | None:
        try:
            return read_label(cell, self.found.kept, self.found.several)
        except UnusableCell:
            if is_read:
                raise
            return None


def agent_names(values: Iterable[str]) -> frozenset[str]:
    """The values of the author column that mean support, as `is_agent` compares them."""
    return frozenset(white_space(nfc(value)).casefold() for value in values)


def is_agent(author: str | None, agents: Collection[str]) -> bool:
    """Whether an author is support; who has no name is a writer."""
    return author is not None and author.casefold() in agents
