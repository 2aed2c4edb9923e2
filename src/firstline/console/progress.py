"""What the start page tells: the steps to a first model, what the workspace holds, the model, the worker."""

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from firstline.bundle.files import read_manifest
from firstline.bundle.manifest import Manifest
from firstline.bundle.promise import FILE_NAME as PROMISE
from firstline.bundle.registry import champion_id, model_folder
from firstline.errors import BundleError
from firstline.evaluation.report.data import Growth
from firstline.evaluation.report.figures import growth
from firstline.labelling.class_advice import FEW_LABELS
from firstline.store.jobs import Job, count_waiting_jobs, has_worker, running_jobs
from firstline.store.labelling import classes_in_use
from firstline.store.messages import count_by_class, count_disagreements, count_labels, count_messages
from firstline.store.progress import count_labels_after, count_labels_up_to, last_message
from firstline.store.workspace import Workspace
from firstline.types import Label

FIRST_MODEL = 50
"""With so many labels a first model is worth training."""
LEAST_CLASSES = 2
_NEXT_MODEL = 50
_LARGE = 100_000
_KEPT_S = 60.0
_WIDEST = 0.2
StepName: TypeAlias = Literal["import", "classes", "label", "train", "promise", "serve"]


@dataclass(frozen=True)
class Counted:
    """Counts that read whole tables. `by_class` has the classes in use, without those of none.

    `n_split` messages have several labels in force. `n_new` labels came in after the champion's training.
    """

    n_messages: int = 0
    n_labelled: int = 0
    by_class: Mapping[Label, int] | None = None
    n_split: int = 0
    n_new: int = 0

    @property
    def n_learnable(self) -> int:
        """How many classes have a label."""
        return sum(n > 0 for n in (self.by_class or {}).values())

    @property
    def thin(self) -> list[tuple[Label, int]]:
        """The classes with few labels, the fewest first."""
        few = [(name, n) for name, n in (self.by_class or {}).items() if n < FEW_LABELS]
        return sorted(few, key=lambda one: (one[1], one[0].casefold()))


class Counts:
    """Counts a workspace. Of more than 100,000 messages the counts are kept for a minute, as they take a second."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._key: tuple[object, ...] = ()
        self._until = float("-inf")
        self._counted = Counted()

    def of(self, connection: Connection, none: frozenset[Label], trained_at: datetime | None) -> Counted:
        """The counts; an import, other classes of `none`, or a champion of another time count anew."""
        n_about = last_message(connection)
        key = (n_about, none, trained_at)
        with self._lock:
            if n_about > _LARGE and key == self._key and time.monotonic() < self._until:
                return self._counted
            self._counted = _count(connection, none, trained_at)
            self._key, self._until = key, time.monotonic() + _KEPT_S
            return self._counted


@dataclass(frozen=True)
class Step:
    """A step on the way to a model that serves. `address` is that of its page, empty if there is none."""

    name: StepName
    is_done: bool
    address: str = ""


@dataclass(frozen=True)
class ModelInUse:
    """The champion. `accuracy` has its 95 % interval, 0 to 1; None if it is not known. `trained_at` is UTC."""

    id: str
    accuracy: tuple[float, float, float] | None
    trained_at: datetime
    n_learned: int
    growth: Growth | None

    @property
    def gain(self) -> float | None:
        """How much more labels should add to the accuracy, -1 to 1; None if the learning curve does not tell."""
        if self.growth is None or self.growth.now is None or self.growth.then is None:
            return None
        return self.growth.then.right.value - self.growth.now.right.value


@dataclass(frozen=True)
class WorkerNow:
    """Whether a worker runs, what it does, and how many jobs wait."""

    is_running: bool
    jobs: list[Job]
    n_waiting: int


def model_in_use(place: Workspace) -> ModelInUse | None:
    """The champion; None if there is none. Raises `BundleError` if it cannot be read."""
    if champion_id(place.models) is None:
        return None
    return _described(read_manifest(model_folder(place.models)))


def steps(place: Workspace, connection: Connection, counted: Counted, *, has_model: bool) -> list[Step]:
    """The steps in their order."""
    is_labelled = count_labels_up_to(connection, FIRST_MODEL) >= FIRST_MODEL and counted.n_learnable >= LEAST_CLASSES
    none = place.none_classes
    n_classes = sum(one.name not in none for one in classes_in_use(connection))
    has_classes = n_classes >= LEAST_CLASSES
    return [
        Step("import", last_message(connection) > 0, "/import"),
        Step("classes", has_classes, "/classes" if has_classes else "/classes/new"),
        Step("label", has_model or is_labelled, "/label"),
        Step("train", has_model, "/models"),
        Step("promise", has_model and (place.models / PROMISE).is_file(), "/quality"),
        Step("serve", False, ""),
    ]


def labels_to_first_model(place: Workspace, connection: Connection) -> int | None:
    """How many of the labels for a first model there are; None if there is a model."""
    try:
        has_model = champion_id(place.models) is not None
    except BundleError:
        has_model = True
    return None if has_model else count_labels_up_to(connection, FIRST_MODEL)


def is_training_due(model: ModelInUse, counted: Counted) -> bool:
    """Whether enough labels came in since the last training: 50, and a tenth of what it learned."""
    return counted.n_new >= max(_NEXT_MODEL, model.n_learned // 10)


def told(found: Growth) -> Growth:
    """The learning curve without what it expects if the 95 % interval of that is wider than 20 points.

    The curve of a few dozen labels is so rough that its expectation may lie below what the model reaches now.
    """
    if found.then is None or found.then.right.high - found.then.right.low <= _WIDEST:
        return found
    return replace(found, now=None, then=None)


def worker_now(connection: Connection) -> WorkerNow:
    """What the worker does at this moment."""
    return WorkerNow(has_worker(connection), running_jobs(connection), count_waiting_jobs(connection))


def command(place: Workspace, words: str) -> str:
    """A command on this workspace, to be entered in a terminal."""
    return f"firstline {words} --workspace {shlex.quote(str(place.folder.resolve()))}"


def _described(manifest: Manifest) -> ModelInUse:
    metrics, curve = manifest.metrics, manifest.learning_curve
    interval = metrics.intervals.get("accuracy") if metrics is not None else None
    created_at = datetime.fromisoformat(manifest.measured.created_at)
    return ModelInUse(
        manifest.id,
        (metrics.accuracy, *interval) if metrics is not None and interval is not None else None,
        created_at.astimezone(UTC).replace(tzinfo=None),
        manifest.training.n_messages if manifest.training is not None else 0,
        told(growth(curve, manifest.candidate)) if curve is not None else None,
    )


def _count(connection: Connection, none: frozenset[Label], trained_at: datetime | None) -> Counted:
    return Counted(
        count_messages(connection),
        count_labels(connection),
        {name: n for name, n in count_by_class(connection).items() if name not in none},
        count_disagreements(connection),
        0 if trained_at is None else count_labels_after(connection, trained_at),
    )
