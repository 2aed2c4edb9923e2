"""What each known export describes about itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Item: TypeAlias = dict[str, Any]
"""One object of a JSON file."""

DISPUTED = "annotators_disagree"
"""The key of a label cell if annotators disagree; its value lists the labels of each."""

LABELLED_BY = "labelled_by"
"""The column of who gave the label, where a format has it somewhere else."""

UNANSWERED = "neither_accepted_nor_rejected"
"""The key of a label cell whose label nobody has accepted or rejected yet; its value is the label."""


@dataclass(frozen=True)
class ExportRoles:
    """Which column of an export holds what.

    `columns` are the columns by role; those of `conversation` and `author` count once it is known who support is.
    `ignored` columns hold nothing that a name could make one expect. `advice` is for people. With `is_own` the file was
    written by Firstline, and remembered columns do not count. With `are_ids_keys`, too, its ids are keys of stored
    messages; `as_messages` are its columns by role for a workspace that has none of them.
    """

    columns: Mapping[str, str]
    ignored: frozenset[str] = frozenset()
    advice: str = ""
    is_own: bool = False
    are_ids_keys: bool = False
    as_messages: Mapping[str, str] = field(default_factory=dict)


class ExportFormat(Protocol):
    """An export of another tool."""

    name: str

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        """Whether a file with these keys and objects is one; an odd object among the others does not count."""

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        """The columns of its table; `items` are all objects, read if they are needed."""

    def row(self, item: Item) -> Item | None:
        """The cells of one object by column; None if it is not a message."""

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        """Which of `columns` holds what."""


def label_of_each(chosen: Sequence[Sequence[str]]) -> object:
    """The label cell for what each annotator has chosen: the labels they agree on, or that they disagree."""
    distinct = {tuple(sorted(labels)) for labels in chosen}
    if len(distinct) > 1:
        return {DISPUTED: [list(labels) for labels in sorted(distinct)]}
    return list(chosen[0]) if chosen else None
