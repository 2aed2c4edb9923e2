"""The queue of a workspace: which of its messages to label next, and the likely classes of each."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from firstline.labelling.prototypes import MOST_SUGGESTED, moved, named_prototypes, suggestions
from firstline.labelling.queue import BATCH, Queued
from firstline.queueing.groups import clusters_to_show, groups_of
from firstline.queueing.next_batch import LabelledPool, fit_head, next_batch
from firstline.queueing.vectors import queue_vectors
from firstline.steps import Stage
from firstline.store.clusters import write_clusters
from firstline.store.database import writing_rows
from firstline.store.labelling import ClassInUse, Suggested, classes_in_use, write_queue
from firstline.store.schema import classes, in_force, in_use, labels, messages, remarks
from firstline.store.workspace import Workspace
from firstline.training.candidates.base import Context
from firstline.types import NONE, Label, Message

_MOST_READ = 50_000
"""Of a larger pool, the first by their keys are read, which are drawn at random; and all labelled ones."""


@dataclass(frozen=True)
class _Read:
    """Messages, (n,): ids, texts, and labels by place. `classes` are those of the team, without those of none.

    `skipped` places are asked of nobody: a lead has to decide, or their labels differ or are of a retired class.
    """

    ids: list[int]
    messages: list[Message]
    labels: Mapping[int, Label]
    skipped: frozenset[int]
    classes: list[ClassInUse]


def make_queue(place: Workspace, n: int = 4 * BATCH) -> Generator[Stage, None, int]:
    """Write the queue of a workspace anew, with at most `n` messages; returns how many. Also writes the clusters.

    Labels that others contradict are not asked again yet. Raises `StoreUnusable`, and what encoders raise.
    """
    settings = place.settings
    context = Context.of(settings, settings.training.seed, place.language_models, place.folder, lambda stage: None)
    with place.database.connect() as connection:
        read = _read(connection, place.none_classes)
    if not read.ids:
        return 0
    named = [(number, text) for number, one in enumerate(read.classes) for text in (one.name, one.description) if text]
    vectors, of_names = yield from queue_vectors(context, read.messages, [text for _, text in named])
    pool = LabelledPool(vectors, read.labels, max(1, len(read.classes)), read.skipped)
    batch = [one for one in next_batch(pool, n, context.seed) if one.reason != "suspect"]
    groups = groups_of(vectors, ~np.isin(np.arange(len(vectors)), [*read.labels, *read.skipped]), context.seed)
    places = [*(one.place for one in batch), *(place for one in groups for place in one.places.tolist())]
    guesses = _guesses(vectors, of_names, [number for number, _ in named], read, places)
    rows = [
        Suggested(read.ids[one.place], one.rank, one.reason, guess, _cluster(one), one.is_random)
        for one, guess in zip(batch, guesses, strict=False)
    ]
    of_groups = iter(guesses[len(batch) :])
    in_groups = [list(islice(of_groups, len(one.places))) for one in groups]
    clusters = clusters_to_show(groups, in_groups, read.ids, [one.text for one in read.messages])
    with writing_rows(place.database) as connection:
        write_queue(connection, rows)
        write_clusters(connection, clusters)
    return len(rows)


def _cluster(one: Queued) -> int | None:
    return one.cluster if one.cluster >= 0 else None


def _read(connection: Connection, none: frozenset[Label]) -> _Read:
    """Messages with their labels; one with several labels counts as unlabelled, and one of none as `NONE`."""
    given: dict[int, list[Label]] = {}
    for message_id, name in connection.execute(
        select(labels.c.message_id, classes.c.name).join_from(labels, classes).where(in_force, in_use)
    ):
        given.setdefault(message_id, []).append(name)
    content = select(messages.c.id, messages.c.text, messages.c.segment)
    found = {
        place: Message(text, segment)
        for place, text, segment in connection.execute(content.order_by(messages.c.key).limit(_MOST_READ))
    }
    has_label = select(labels.c.message_id).where(in_force)
    is_labelled = messages.c.id.in_(has_label)
    for place, text, segment in connection.execute(content.where(is_labelled).order_by(messages.c.key)):
        found.setdefault(place, Message(text, segment))
    ids = list(found)
    named = {
        number: NONE if given[place][0] in none else given[place][0]
        for number, place in enumerate(ids)
        if len(given.get(place, ())) == 1
    }
    unsure = select(remarks.c.message_id).where(remarks.c.kind == "unsure", remarks.c.settled_at.is_(None))
    closed = {*connection.execute(has_label).scalars(), *connection.execute(unsure).scalars()}
    skipped = frozenset(number for number, place in enumerate(ids) if place in closed and number not in named)
    team = [one for one in classes_in_use(connection) if one.name not in none]
    return _Read(ids, list(found.values()), named, skipped, team)


def _guesses(
    vectors: NDArray[np.float32],
    of_names: NDArray[np.float32],
    owners: Sequence[int],
    read: _Read,
    places: Sequence[int],
) -> list[list[tuple[int, float]]]:
    """The likely classes of some messages: by a head if each class has a label, otherwise by the classes' names."""
    ids = {one.name: one.id for one in read.classes}
    labelled = sorted(read.labels)
    known = [read.labels[place] for place in labelled]
    if not places:
        return []
    if len(set(known) - {NONE}) > 1 and set(ids) <= set(known):
        head, names = fit_head(vectors[labelled], known)
        shares = head(vectors[list(places)])
        order = np.argsort(-shares, axis=1, kind="stable")[:, : MOST_SUGGESTED + 1]
        return [
            [(ids[names[column]], float(row[column])) for column in best if names[column] != NONE][:MOST_SUGGESTED]
            for best, row in zip(order.tolist(), shares, strict=True)
        ]
    if len(read.classes) < 2:
        return [[] for _ in places]
    prototypes = moved(vectors, named_prototypes(of_names, owners))
    found = suggestions(vectors[list(places)], prototypes)
    return [
        [(read.classes[column].id, float(score)) for column, score in zip(best, scores, strict=True)]
        for best, scores in zip(found.places.tolist(), found.scores.tolist(), strict=True)
    ]
