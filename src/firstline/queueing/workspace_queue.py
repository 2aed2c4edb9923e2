"""The queue of a workspace: which of its messages to label next, and the likely classes of each."""

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from firstline.errors import KeyUnusable, WorkspaceBusy
from firstline.labelling.prototypes import MOST_SUGGESTED, moved, named_prototypes, suggestions
from firstline.labelling.queue import BATCH, Mix, Queued
from firstline.queueing.groups import clusters_to_show, groups_of
from firstline.queueing.next_batch import LabelledPool, fit_head, next_batch
from firstline.queueing.recorded import recorded_messages
from firstline.queueing.vectors import queue_vectors
from firstline.settings.model import LabellingSettings
from firstline.steps import Note, Stage
from firstline.store.clusters import write_clusters
from firstline.store.database import writing_rows
from firstline.store.labelling import SOURCE, ClassInUse, Suggested, classes_in_use, write_queue
from firstline.store.recorded import is_recorded
from firstline.store.schema import classes, in_force, in_use, labels, messages, remarks, second_labels, users
from firstline.store.second_looks import TWICE
from firstline.store.workspace import Workspace
from firstline.training.candidates.base import Context
from firstline.types import NONE, Label, Message

_MOST_READ = 50_000
"""Of a larger pool, the first by their keys are read, which are drawn at random; and all labelled ones."""


@dataclass(frozen=True)
class _Read:
    """Messages, (n,): ids, texts, and labels by place. `classes` are those of the team, without those of none.

    `skipped` places are asked of nobody: a lead has to decide, or their labels differ or are of a retired class.
    `checked`, `once`, `recorded` and `not_drawn` are as in `LabelledPool`.
    """

    ids: list[int]
    messages: list[Message]
    labels: Mapping[int, Label]
    skipped: frozenset[int]
    classes: list[ClassInUse]
    checked: frozenset[int]
    once: list[int]
    recorded: list[int]
    not_drawn: frozenset[int]

    @property
    def can_be_learned(self) -> bool:
        """Whether there are two classes, and a label of each."""
        known = set(self.labels.values()) - {NONE}
        return len(known) > 1 and {one.name for one in self.classes} <= known

    def pool(self, vectors: NDArray[np.float32]) -> LabelledPool:
        """What the queue chooses from; `vectors` are (n, n_dimensions)."""
        n_classes = max(1, len(self.classes))
        return LabelledPool(
            vectors, self.labels, n_classes, self.skipped, self.checked, self.once, self.recorded, self.not_drawn
        )


def make_queue(place: Workspace, n: int = 4 * BATCH) -> Generator[Stage | Note, None, int]:
    """Write the queue of a workspace anew, with at most `n` messages; returns how many. Also writes the clusters.

    Takes in messages that the service recorded and left to a person, as many as `[labelling] recorded` asks for.
    Raises `StoreUnusable`, and what encoders raise.
    """
    settings, mix = place.settings, _mix(place.settings.labelling)
    context = Context.of(settings, settings.training.seed, place.language_models, place.folder, lambda stage: None)
    recorded = yield from _recorded(place, math.ceil(mix.recorded * n))
    with place.database.connect() as connection:
        read = _read(connection, place.none_classes, recorded)
    if not read.ids:
        return 0
    named = [(number, text) for number, one in enumerate(read.classes) for text in (one.name, one.description) if text]
    vectors, of_names = yield from queue_vectors(context, read.messages, [text for _, text in named])
    batch = next_batch(read.pool(vectors), n, context.seed, mix)
    groups = groups_of(vectors, ~np.isin(np.arange(len(vectors)), [*read.labels, *read.skipped]), context.seed)
    places = [*(one.place for one in batch), *(place for one in groups for place in one.places.tolist())]
    guesses = _guesses(vectors, of_names, [number for number, _ in named], read, places)
    rows = [
        Suggested(
            read.ids[one.place],
            one.rank,
            one.reason,
            # How near a name is says little about how likely the class is, so no figure is shown.
            guess if read.can_be_learned else [(class_id, 0.0) for class_id, _ in guess],
            _cluster(one),
            one.is_random,
        )
        for one, guess in zip(batch, guesses, strict=False)
    ]
    of_groups = iter(guesses[len(batch) :])
    in_groups = [list(islice(of_groups, len(one.places))) for one in groups]
    clusters = clusters_to_show(groups, in_groups, read.ids, [one.text for one in read.messages])
    with writing_rows(place.database) as connection:
        write_queue(connection, rows)
        write_clusters(connection, clusters)
    return len(rows)


def _mix(settings: LabellingSettings) -> Mix:
    return Mix(settings.random, settings.suspects, twice=settings.twice, recorded=settings.recorded)


def _recorded(place: Workspace, n: int) -> Generator[Stage | Note, None, list[int]]:
    """As `recorded_messages`. If they cannot be read or stored now, the queue is made without them."""
    try:
        return recorded_messages(place, n)
    except OSError as error:
        yield Note(f"The answers in {place.records} cannot be read: {error.strerror}. The queue has none of them.")
    except (KeyUnusable, WorkspaceBusy) as error:
        yield Note(f"{error.message} The queue has no recorded messages.")
    return []


def _cluster(one: Queued) -> int | None:
    return one.cluster if one.cluster >= 0 else None


def _read(connection: Connection, none: frozenset[Label], recorded: Sequence[int]) -> _Read:
    """Messages with their labels; one with several labels counts as unlabelled, and one of none as `NONE`.

    `recorded` are ids of messages without a label, which are read in any case.
    """
    given: dict[int, list[Label]] = {}
    by_person: set[int] = set()
    wanted = select(labels.c.message_id, classes.c.name, labels.c.source, labels.c.by).join_from(labels, classes)
    for message_id, name, source, by in connection.execute(wanted.where(in_force, in_use)):
        given.setdefault(message_id, []).append(name)
        if source == SOURCE and by:
            by_person.add(message_id)
    content = select(messages.c.id, messages.c.text, messages.c.segment)
    found = {
        place: Message(text, segment)
        for place, text, segment in connection.execute(content.order_by(messages.c.key).limit(_MOST_READ))
    }
    has_label = select(labels.c.message_id).where(in_force)
    for wanted_too in (messages.c.id.in_(has_label), messages.c.id.in_(recorded)):
        for place, text, segment in connection.execute(content.where(wanted_too).order_by(messages.c.key)):
            found.setdefault(place, Message(text, segment))
    ids = list(found)
    place_of = {message_id: number for number, message_id in enumerate(ids)}
    named = {
        number: NONE if given[place][0] in none else given[place][0]
        for number, place in enumerate(ids)
        if len(given.get(place, ())) == 1
    }
    unsure = _unsure(connection)
    closed = {*connection.execute(has_label).scalars(), *unsure}
    skipped = frozenset(number for number, place in enumerate(ids) if place in closed and number not in named)
    looked_at, twice = _looked_at(connection)
    once = by_person - twice - unsure if _n_people(connection) > 1 else set()
    team = [one for one in classes_in_use(connection) if one.name not in none]
    return _Read(
        ids,
        list(found.values()),
        named,
        skipped,
        team,
        checked=frozenset(place_of[one] for one in looked_at | unsure if one in place_of),
        once=sorted(place_of[one] for one in once if place_of[one] in named),
        recorded=[place_of[one] for one in recorded if one in place_of],
        not_drawn=frozenset(place_of[one] for one in _from_service(connection) if one in place_of),
    )


def _unsure(connection: Connection) -> set[int]:
    """The messages that a lead has to decide about."""
    unsure = select(remarks.c.message_id).where(remarks.c.kind == "unsure", remarks.c.settled_at.is_(None))
    return set(connection.execute(unsure).scalars())


def _looked_at(connection: Connection) -> tuple[set[int], set[int]]:
    """The messages that somebody labelled a second time: all, and those for agreement."""
    rows = connection.execute(select(second_labels.c.message_id, second_labels.c.reason)).all()
    return {message_id for message_id, _ in rows}, {message_id for message_id, reason in rows if reason == TWICE}


def _n_people(connection: Connection) -> int:
    """How many people may use the console."""
    return connection.execute(select(func.count()).where(users.c.disabled_at.is_(None))).scalar_one()


def _from_service(connection: Connection) -> set[int]:
    """The messages that came from the service and from no file."""
    return set(connection.execute(select(messages.c.id).where(is_recorded())).scalars())


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
    if read.can_be_learned:
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
