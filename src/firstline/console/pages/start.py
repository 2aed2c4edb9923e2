"""The start: the steps to a first model with the next one to take, then how far the team has come."""

from collections.abc import Sequence

from firstline.console.page import page
from firstline.console.progress import (
    FIRST_MODEL,
    Counted,
    ModelInUse,
    Step,
    command,
    is_training_due,
    model_in_use,
    steps,
    worker_now,
)
from firstline.console.today import midnight
from firstline.console.trainings import present_training
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import BundleError
from firstline.labelling.class_advice import FEW_LABELS
from firstline.store.progress import count_for_lead, count_labels_up_to, given_by_person

_MOST_NAMED = 12


@page("/", role="annotator", menu=later("Start"))
def start(visit: Visit) -> Answer:
    """What to do next, and what is there."""
    model, is_broken = _model(visit)
    with visit.place.database.connect() as connection:
        counted = visit.console.counts.of(
            connection, visit.place.none_classes, None if model is None else model.trained_at
        )
        way = steps(visit.place, connection, counted, has_model=model is not None or is_broken)
        people = given_by_person(connection, midnight())
        waiting = count_for_lead(connection) + counted.n_split
        worker = worker_now(connection)
        training = present_training(connection)
        n_first = count_labels_up_to(connection, FIRST_MODEL)
    thin = counted.thin
    return visit.render(
        "start.html.jinja",
        steps=way,
        next=_next(visit, way, model, counted),
        counted=counted,
        people=people,
        mine=dict(people).get(visit.person.name, 0),
        n_today=sum(n for _, n in people),
        n_first=n_first,
        first_model=FIRST_MODEL,
        thin=thin[:_MOST_NAMED],
        n_thin=len(thin),
        thin_below=FEW_LABELS,
        waiting=waiting,
        model=model,
        is_broken=is_broken,
        is_training=training is not None and training.is_active,
        worker=worker,
        has_own_worker=visit.console.has_own_worker,
        worker_command=command(visit.place, "worker"),
        serve_command=command(visit.place, "serve"),
    )


def _model(visit: Visit) -> tuple[ModelInUse | None, bool]:
    """The champion, and whether it cannot be read."""
    try:
        return model_in_use(visit.place), False
    except BundleError:
        return None, True


def _next(visit: Visit, way: Sequence[Step], model: ModelInUse | None, counted: Counted) -> Step:
    """The step that a person should take now. Annotators only label."""
    if not visit.person.may("lead"):
        return next((one for one in way[:2] if not one.is_done), way[2])
    undone = next(one for one in way if not one.is_done)
    if undone.name != "serve":
        return undone
    if model is not None and is_training_due(model, counted):
        return way[3]
    return way[2]
