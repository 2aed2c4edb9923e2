"""What a workspace holds, for people."""

from collections.abc import Mapping
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
    """Counts of a workspace; `classes` and `segments` go from the largest to the smallest."""

    language: str
    n_messages: int
    n_labelled: int
    classes: Mapping[Label, int]
    segments: Mapping[str, int]
    disagreements: list[Disagreement]
    champion: str | None


def overview(workspace: Workspace) -> Overview:
    """Counts, classes and disagreements as of one moment. Raises `StoreUnusable`."""
    with workspace.database.connect() as connection:
        return Overview(
            language=workspace.settings.language,
            n_messages=count_messages(connection),
            n_labelled=count_labels(connection),
            classes=dict(count_by_class(connection).most_common()),
            segments={name: count for name, count in count_by_segment(connection).most_common() if name},
            disagreements=disagreements(connection),
            champion=champion_id(workspace.models),
        )
