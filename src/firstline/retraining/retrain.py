"""Trains a challenger, compares it with the champion, and promotes it if all gates let it pass."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

from firstline.bundle.decisions import Decider
from firstline.bundle.files import size_bytes
from firstline.bundle.manifest import Manifest
from firstline.bundle.predictor import Predictor
from firstline.bundle.promise import read_promise
from firstline.bundle.promotions import promotions
from firstline.bundle.registry import champion_id, model_folder, promote
from firstline.errors import BundleError, InputError
from firstline.evaluation.held_out import HeldOut, find_held_out
from firstline.retraining.comparing import TeamsChanges, compare
from firstline.retraining.gates import Costs, Gate, always_reviewed, gates, routed_share
from firstline.retraining.new_classes import NewClass, new_classes
from firstline.store.classes import retired_names
from firstline.store.former_names import names_now
from firstline.store.messages import Labelled
from firstline.store.workspace import Workspace
from firstline.training.candidates.base import Context
from firstline.training.place import Place
from firstline.training.request import TrainingRequest
from firstline.training.results import TrainEvent
from firstline.training.train import TrainReport, train

_MOST_LESS_ROUTED = 0.05
"""From here on a fall in the share of routed messages is told."""
Choice: TypeAlias = Literal["never", "gates", "always"]


@dataclass(frozen=True)
class Judged:
    """What became of a new model, the `challenger`, which the run `run` trained.

    `champion` is the id of the model that it was compared with, None if there was none. `reason` says why it was
    promoted, or why not. `new_classes` are those that the champion does not know.
    `warnings` are sentences about what no gate forbids and people should know.
    """

    challenger: str
    run: str
    champion: str | None
    is_promoted: bool
    gates: tuple[Gate, ...]
    reason: str
    new_classes: tuple[NewClass, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """Whether the training gave the champion again."""
        return self.challenger == self.champion

    @property
    def summary(self) -> dict[str, object]:
        """What scripts and jobs get."""
        return {
            "challenger": self.challenger,
            "champion": self.champion,
            "promoted": self.is_promoted,
            "reason": self.reason,
            "gates": [
                {
                    "gate": gate.name,
                    "passed": gate.is_passed,
                    "figure": gate.figure,
                    "limit": gate.limit,
                    "words": gate.words,
                    "classes": list(gate.classes),
                }
                for gate in self.gates
            ],
            "new_classes": [asdict(one) for one in self.new_classes],
            "warnings": list(self.warnings),
            "run": self.run,
        }


@dataclass(frozen=True)
class Retrained(Judged):
    """The same, with what the training found."""

    report: TrainReport = field(kw_only=True)


@dataclass(frozen=True)
class Before:
    """The champion before a training, and its held-out answers, or why they are not known; None without a champion."""

    champion: str | None
    learned: HeldOut | InputError | None

    @classmethod
    def of(cls, place: Workspace) -> "Before":
        """Read before the training, which may overwrite the answers with the challenger's. Raises `BundleDamaged`."""
        champion = champion_id(place.models)
        return cls(champion, _held_out(place, champion))


def retrain(
    place: Workspace,
    data: Labelled,
    request: TrainingRequest,
    context: Context,
    choice: Choice = "gates",
    where: Place | None = None,
) -> Generator[TrainEvent, None, Retrained]:
    """Train as `train` does, then decide by `choice`: by the gates, never, or always. Raises what `train` raises.

    The caller holds the lock of the models. A challenger that is not promoted stays in the workspace.
    """
    before = Before.of(place)
    report = yield from train(data, place.settings, place.models, place.runs, request, context, where)
    judged = judge(place, data, before, report.model, report.run, choice, request.seed)
    return Retrained(**vars(judged), report=report)


def judge(
    place: Workspace, data: Labelled, before: Before, model: Manifest, run: str, choice: Choice, seed: int
) -> Judged:
    """Compare a new model with the champion `before` its training, and promote it if `choice` says so.

    A model that the training made the champion, since there was none, stays it. The caller holds the lock of the
    models.
    """
    champion = before.champion
    if champion_id(place.models) == model.id:
        if champion == model.id:
            return Judged(model.id, run, champion, False, (), "nothing has changed that it learns from")
        reason = f"the champion, {champion}, no longer exists" if champion else "there was no champion"
        return Judged(model.id, run, champion, True, (), reason)
    assert champion is not None  # noqa: S101 (otherwise the new model has become it)
    verdict = _verdict(place, data, champion, before.learned, model, seed)
    failed = [gate for gate in verdict.gates if not gate.is_passed]
    is_promoted = choice == "always" or (choice == "gates" and not failed)
    reason = _reason(choice, failed)
    if is_promoted:
        promote(place.models, model.id, f"retrain: {reason}", is_automatic=True)
    return Judged(model.id, run, champion, is_promoted, verdict.gates, reason, verdict.new_classes, verdict.warnings)


def _reason(choice: Choice, failed: Sequence[Gate]) -> str:
    why = "; ".join(gate.words for gate in failed)
    if choice == "never":
        return f"not asked for; {why or 'every gate would let it pass'}"
    if choice == "always":
        return f"asked for, although {why}" if failed else "every gate let it pass"
    return why or "every gate let it pass"


def _held_out(place: Workspace, champion: str | None) -> HeldOut | InputError | None:
    """The champion's answers to what it learned, or why they are not known; None without a champion."""
    try:
        return find_held_out(place.runs, champion) if champion else None
    except InputError as error:
        return error


@dataclass(frozen=True)
class _Verdict:
    gates: tuple[Gate, ...]
    new_classes: tuple[NewClass, ...] = ()
    warnings: tuple[str, ...] = ()


def _verdict(
    place: Workspace, data: Labelled, champion: str, learned: HeldOut | InputError | None, model: Manifest, seed: int
) -> _Verdict:
    """What the comparison finds. If the challenger cannot be loaded or compared, a failed gate says so."""
    promise, settings = read_promise(place.models), place.settings
    folder = model_folder(place.models, model.id)
    try:
        challenger = Predictor.load(folder, promise, place.always_review, place.none_classes)
    except BundleError as error:
        return _Verdict((Gate("self_check", False, None, None, error.message),))
    checked = Gate("self_check", True, None, None, "it answers as it did when it was trained")
    replaced = _replaced(place, model.id)
    try:
        if not isinstance(learned, HeldOut):
            raise learned or InputError("The answers of the champion are not known.")
        before = Predictor.load(model_folder(place.models, champion), promise, place.always_review, place.none_classes)
        changes = _changes(place)
        compared = compare(data, before, learned, find_held_out(place.runs, model.id), changes)
    except (BundleError, InputError) as error:
        return _Verdict((checked, *replaced, Gate("comparison", False, None, None, error.message)))
    costs = _costs(model, size_bytes(folder))
    found = (
        checked,
        *replaced,
        always_reviewed(place.always_review, changes.names_now),
        *gates(compared, challenger.decider, before.decider, costs, settings.retraining, seed),
    )
    return _Verdict(found, tuple(new_classes(compared)), tuple(_warnings(challenger.decider, before.decider)))


def _warnings(challenger: Decider, champion: Decider) -> Iterator[str]:
    now, before = routed_share(challenger), routed_share(champion)
    if before - now > _MOST_LESS_ROUTED:
        yield f"it routes {now:.0%} of all messages by itself, the champion {before:.0%}".replace("%", " %")


def _changes(place: Workspace) -> TeamsChanges:
    with place.database.connect() as connection:
        return TeamsChanges(names_now(connection), retired_names(connection))


def _replaced(place: Workspace, model: str) -> list[Gate]:
    """A failed gate if a person put another model in the place of this very one, otherwise none."""
    last = next((one for one in reversed(promotions(place.models)) if model in (one.model, one.before)), None)
    if last is None or last.is_automatic or last.before != model:
        return []
    did = (
        "rolled back from this very model" if last.is_rollback else f"put {last.model} in the place of this very model"
    )
    why = f" ({last.why})" if last.why else ""
    return [Gate("rolled_back" if last.is_rollback else "replaced", False, None, None, f"{last.by} {did}{why}")]


def _costs(model: Manifest, n_bytes: int) -> Costs:
    error = model.metrics.calibration_error if model.metrics else 1.0
    return Costs(error, model.measured.latency_ms.get("p99", 0.0), n_bytes)
