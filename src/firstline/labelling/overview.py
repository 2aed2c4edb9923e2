"""A summary of a workspace: counts, classes, disagreements."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from firstline.bundle.registry import champion_id
from firstline.store.messages import (
    Disagreement,
    count_by_class,
    count_by_segment,
    count_labels,
    count_messages,
    disagreements,
)
from firstline.store.workspace import Workspace
from firstline.types import Label


@dataclass(frozen=True)
class Overview:
    """Counts of a workspace; `classes` and `segments` are sorted from largest to smallest.

    `none_classes` are labels that mean none of the classes; they are not in `classes`.
    """

    language: str
    n_messages: int
    n_labelled: int
    classes: Mapping[Label, int]
    none_classes: Mapping[Label, int]
    segments: Mapping[str, int]
    disagreements: list[Disagreement]
    similar_classes: list[tuple[Label, ...]]
    champion: str | None


def overview(workspace: Workspace) -> Overview:
    """Read the counts, classes and disagreements in one transaction. Raises `StoreUnusable`."""
    with workspace.database.connect() as connection:
        by_class = count_by_class(connection)
        none = workspace.none_classes
        return Overview(
            language=workspace.settings.language,
            n_messages=count_messages(connection),
            n_labelled=count_labels(connection),
            classes={name: count for name, count in by_class.most_common() if name not in none},
            none_classes={name: count for name, count in by_class.most_common() if name in none},
            segments={name: count for name, count in count_by_segment(connection).most_common() if name},
            disagreements=disagreements(connection),
            similar_classes=similar_names(by_class),
            champion=champion_id(workspace.models),
        )


_LATIN_TO_CYRILLIC = str.maketrans("abcehkmoptxy", "авсенкмортху")


def similar_names(names: Iterable[Label]) -> list[tuple[Label, ...]]:
    """Groups of names that look the same to a person: they differ only in case, ё, white space or Latin look-alikes."""
    alike: dict[str, list[Label]] = {}
    for name in sorted(names):
        folded = "".join(name.casefold().replace("ё", "е").split()).translate(_LATIN_TO_CYRILLIC)
        alike.setdefault(folded, []).append(name)
    return [tuple(group) for group in alike.values() if len(group) > 1]
