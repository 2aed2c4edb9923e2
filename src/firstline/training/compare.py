"""Evaluates one candidate of a training on the folds that all share, or says why it is skipped."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cache, partial

from firstline.bundle.files import size_bytes, write_bundle
from firstline.errors import ExtraMissing, FirstlineError, RunUnwritable, trace_of
from firstline.evaluation.serving_cost import serving_cost
from firstline.files import is_disk_full
from firstline.neural.memory import is_out_of_memory
from firstline.settings import Settings
from firstline.steps import Step, each_as, run_to_end
from firstline.training.budget import Budget, minutes_text
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Context
from firstline.training.candidates.class_names import prepare_for
from firstline.training.candidates.estimate import Workload
from firstline.training.candidates.regression import FEW_LABELS
from firstline.training.cross_validation import cross_validate, missing_folds
from firstline.training.estimates import eligible, lack_of_memory
from firstline.training.folds import Fold, Folds
from firstline.training.manifest import draft
from firstline.training.place import Bench, Place, problem_of
from firstline.training.request import TrainingRequest
from firstline.training.results import Evaluated, Make, Result, Skipped, TrainEvent
from firstline.training.runs import Run, RunRow, origin
from firstline.training.saved_folds import Cost, SavedFolds


@dataclass(frozen=True)
class Comparison:
    """What all candidates of a training share. `place` trains folds elsewhere."""

    folds: Folds
    run: Run
    context: Context
    settings: Settings
    request: TrainingRequest
    budget: Budget
    place: Place | None = None

    def saved(self, name: str) -> SavedFolds:
        """Where the folds of a candidate are saved."""
        return self.run.of(name, self.context.chosen.get(name), origin(name, self.context))

    def save(self, found: Evaluated | Skipped, is_withdrawn: bool = False) -> Result | Skipped:
        """Save the row of a candidate in the run; returns the event to yield."""
        if isinstance(found, Evaluated):
            self.run.save_row(found.result.row(self.folds.repeats))
            return found.result
        self.run.save_row(RunRow(found.candidate, problem=found.reason), is_withdrawn)
        return found


def reason_to_skip(
    name: str, comparison: Comparison, before: Sequence[str], *, is_champions: bool, step: Step
) -> Generator[TrainEvent, None, Skipped | None]:
    """None if the candidate takes part; otherwise it is not eligible, or needs more time or memory than there is.

    A candidate that the request names is always eligible, and so is the champion's kind; one whose folds are all
    saved needs no time. With few labels, memory is not checked. `before` are the candidates evaluated so far. Yields
    `step` before it measures.
    """
    request, folds = comparison.request, comparison.folds
    is_named = name in request.candidates
    has_any_time = request.minutes is None or (is_named and request.has_any_time(name))
    is_large = len(folds.data.messages) > FEW_LABELS
    if is_named and has_any_time and not is_large:
        return None
    n_missing = len(missing_folds(folds, comparison.saved(name)))
    if not n_missing:
        return None
    workload = Workload(
        folds.data, comparison.context, folds.n_folds, folds.repeats, tuple(before), is_compared_only=True
    )
    if not is_named and not is_champions:
        is_eligible, reason = eligible(name, workload)
        if not is_eligible:
            return Skipped(name, reason)
    if has_any_time and not is_large:
        return None
    yield step
    estimate = find_candidate(name).estimate(workload)
    if is_large and (lacking := lack_of_memory(estimate)):
        return Skipped(name, lacking)
    if has_any_time:
        return None
    needed_s = estimate.seconds * n_missing / folds.n_all
    left_s = comparison.budget.left_s
    if needed_s <= left_s:
        return None
    return Skipped(name, f"needs about {minutes_text(needed_s)}, {minutes_text(max(left_s, 0))} left", needed_s)


def evaluate(name: str, comparison: Comparison, n_before: int, n_steps: int) -> Generator[TrainEvent, None, Evaluated]:
    """Cross-validate a candidate. Its steps count on from `n_before` of `n_steps`. Raises what fitting raises."""
    folds, context = comparison.folds, comparison.context
    kind = find_candidate(name)
    if missing_folds(folds, comparison.saved(name)):
        make = yield from prepare_for(kind, context, folds.data)
    else:
        # Its folds are all saved: it is prepared only if it is to be trained on all labels.
        make = _when_needed(lambda: run_to_end(prepare_for(kind, context, folds.data), context.report))
    # Only now: preparing may have made what the candidate starts from.
    saved = comparison.saved(name)
    send = None
    if comparison.place is not None and not kind.spreads:
        send = partial(comparison.place.run, Bench(name, folds.data, context, folds.n_folds, 0))
    steps = cross_validate(folds, make, saved, partial(_measured, name, comparison), send)
    answers, cost = yield from each_as(
        steps, lambda done: Step(f"{name}, fold {done} of {folds.n_all}", n_before + done, n_steps)
    )
    return Evaluated.of(name, folds, answers, cost, make)


def reason_of(error: Exception, saved: SavedFolds) -> str:
    """Why a candidate failed, in a sentence; the trace of an unforeseen error is saved in full.

    Raises `RunUnwritable` if the disk is full: otherwise a lesser candidate would win.
    """
    if is_disk_full(error):
        step = "Free some space, then run the command again: finished folds are reused."
        raise RunUnwritable("The training stopped: no space is left on the disk.", step) from error
    if isinstance(error, ExtraMissing):
        return f"{error.message} {error.next_step}".strip()
    is_foreseen = isinstance(error, FirstlineError) or is_out_of_memory(error)
    return problem_of(error) if is_foreseen else f"{problem_of(error)}; see {saved.save_error(trace_of(error))}"


def _when_needed(prepare: Callable[[], Make]) -> Make:
    prepared = cache(prepare)
    return lambda: prepared()()  # noqa: PLW0108 (not before it is called)


def _measured(name: str, comparison: Comparison, fold: Fold) -> Cost:
    """What the model of a fold costs to serve, measured on its held-out messages."""
    data, fitted = comparison.folds.data, fold.fitted
    assert fitted is not None  # noqa: S101 (the fold was trained here)
    # A bundle holds a vocabulary, which is text of messages.
    with comparison.context.working_folder() as folder:
        written = write_bundle(folder, draft(name, fitted, data, comparison.settings), fitted.parts())
        bundle = folder / written.id
        found = serving_cost(bundle, [data.messages[place] for place in fold.held_out])
        return Cost(found.latency_ms, found.memory_bytes, size_bytes(bundle))
