"""Measures a model on a labelled file, with what the workspace knows: its classes, and which messages were learned."""

from collections.abc import Generator, Mapping
from contextlib import nullcontext
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.errors import StoreUnusable
from firstline.evaluation.labelled_file import Evaluation, evaluate_file
from firstline.messages.pipes import readable
from firstline.messages.records import ReadingOptions
from firstline.steps import Note
from firstline.store.messages import class_names, labelled_keys
from firstline.store.workspace import Workspace
from firstline.types import Label


def evaluate_in(
    place: Workspace,
    predictor: Predictor,
    file: Path,
    said: Mapping[str, str],
    options: ReadingOptions,
    unknown: Path | None = None,
    room: Path | None = None,
) -> Generator[float | Note, None, Evaluation]:
    """Measure a model on a file; `unknown` is one of messages of none of the classes. Either may be a pipe.

    Yields progress, 0 to 1, and notes. `room` is where temporary files go, by default in the workspace. Raises
    `InputError`.
    """
    room = room or place.temporary
    learned: frozenset[bytes] = frozenset()
    classes: frozenset[Label] = frozenset()
    try:
        if place.has_database:
            learned, classes = labelled_keys(place.database), class_names(place.database)
    except StoreUnusable as problem:
        yield Note(f"Cannot tell whether the model has learned these messages: {problem.message}")
    outside = readable(unknown, room) if unknown is not None else nullcontext()
    with readable(file, room) as path, outside as unknown_path:
        return (
            yield from evaluate_file(
                predictor,
                path,
                said,
                place.settings.columns,
                options,
                learned=learned,
                classes=classes,
                team_classes=place.settings.classes.fixed,
                none=place.none_classes,
                temporary=room,
                unknown=unknown_path,
            )
        )
