"""`firstline train`: cross-validates the candidates and writes the best one as a bundle.

A generator: it yields events and ends with the report. Its caller draws, stops or saves.
"""

import shlex
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from firstline.bundle.files import write_bundle
from firstline.bundle.manifest import Manifest
from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import champion_id, champions_candidates, promote
from firstline.errors import ClusterLost, ExtraMissing, FirstlineError, RunUnwritable, TrainingError
from firstline.evaluation.decision_basis import DecisionBasis
from firstline.labelling.left_out import left_out
from firstline.neural.memory import is_out_of_memory
from firstline.settings import Settings
from firstline.steps import Note, Step
from firstline.store.messages import Labelled
from firstline.training.blend import fit_blend
from firstline.training.budget import Budget
from firstline.training.candidates import BLEND, expand, find_candidate
from firstline.training.candidates.base import Context, Fitted
from firstline.training.compare import Comparison, evaluate, reason_of, reason_to_skip
from firstline.training.curve import curve_in_budget
from firstline.training.folds import Folds, usable_folds
from firstline.training.manifest import manifest
from firstline.training.place import Place
from firstline.training.plots import plot_svg
from firstline.training.request import TrainingRequest
from firstline.training.results import Evaluated, Result, Skipped, TrainEvent, with_differences
from firstline.training.runs import open_run

CURVE_FILE = "learning_curve.svg"


@dataclass(frozen=True)
class TrainReport:
    """What a training did. `is_new` is false if the same model existed already.

    The `differences` of results are those to `reference`: the champion's kind, or the new model's if there is no
    champion. `enough_minutes` would suffice for those skipped for lack of time, too.
    """

    results: list[Result]
    skipped: list[Skipped]
    reference: str
    model: Manifest
    is_new: bool
    is_champion: bool
    champion: str
    folds: Folds
    run: str
    enough_minutes: int | None = None


def train(
    data: Labelled,
    settings: Settings,
    models: Path,
    runs: Path,
    request: TrainingRequest,
    context: Context | None = None,
    place: Place | None = None,
) -> Generator[TrainEvent, None, TrainReport]:
    """Cross-validate the candidates, train the best by macro-F1 on all labels, and write it as a bundle.

    It becomes the champion if there is none. Every fold is saved in `runs`, so the same training resumes there. A
    candidate that fails is skipped with its reason. `context` is made from the settings if not given; `place` trains
    all folds of a candidate but one, if given. Raises `CandidateUnknown`, `LabelsTooFew`, `FileUnwritable`, or
    `TrainingError` if no candidate is left.
    """
    names = expand(request.candidates)
    context = context or Context.of(settings, request.seed)
    champion, champions_kinds = champion_id(models), champions_candidates(models)
    if champion is not None and not (models / champion).is_dir():
        yield Note(f"the champion, {champion}, no longer exists: the new model takes its place")
        champion = None
    n_folds, notes = usable_folds(data.labels, request.folds)
    yield from map(Note, [*left_out(data), *notes])
    folds = Folds(data, n_folds, request.repeats, request.seed)
    run = open_run(runs, folds, settings, request.is_fresh)
    if run.is_old:
        yield Note(f"resumes run {run.card.id}: its folds of the same data and settings are reused")
    comparison = Comparison(folds, run, context, settings, request, Budget(request.minutes), place)

    evaluated, skipped = yield from _evaluate_all(names, champions_kinds, comparison)
    # Raises here if none is fast enough, before anything of the run changes.
    _best(evaluated, comparison)
    run.reopen()
    if BLEND in (*names, *champions_kinds):
        evaluated, skipped = yield from _with_blend(evaluated, skipped, comparison)
    curve = yield from curve_in_budget(_best(evaluated, comparison), evaluated, comparison)
    best, evaluated, withdrawn, fitted, refit_s = yield from _train_on_all_labels(evaluated, comparison)

    basis, begun = best.basis(folds), manifest(best.result, fitted, settings, folds, refit_s, curve)
    model = _write(models, begun, fitted, basis)
    if champion is None:
        promote(models, model.id, "train: there was no champion", is_automatic=True)
    run.finish(best.held_out(model.id, folds, basis.novelty.held_out))
    n_steps = sum(one.name != BLEND for one in evaluated) * folds.n_all + 1
    yield Step(f"{best.name}, on all labels", n_steps, n_steps)
    reference = next((one for one in evaluated if one.name in champions_kinds[:1]), best)
    needed_s = sum(one.needed_s for one in skipped)
    return TrainReport(
        results=with_differences(evaluated, reference, folds),
        skipped=[*skipped, *withdrawn],
        reference=reference.name,
        model=model,
        is_new=model.measured.created_at == begun.measured.created_at,
        is_champion=champion in (None, model.id),
        champion=champion or model.id,
        folds=folds,
        run=run.card.id,
        enough_minutes=comparison.budget.enough_minutes(needed_s) if needed_s else None,
    )


def _write(models: Path, begun: Manifest, fitted: Fitted, basis: DecisionBasis) -> Manifest:
    curve = begun.learning_curve
    beside = {CURVE_FILE: plot_svg(curve).encode()} if curve else {}
    return write_bundle(models, begun, fitted.parts(), beside, basis.export, Predictor.self_check_of)


def _evaluate_all(
    names: Sequence[str], champions_kinds: Sequence[str], comparison: Comparison
) -> Generator[TrainEvent, None, tuple[list[Evaluated], list[Skipped]]]:
    """Cross-validate the named candidates and the champion's kind, in the order of their names.

    If there is time for none of them, the one that needs least takes part anyway. Raises `TrainingError`, or
    what the first candidate failed of, if none is left.
    """
    wanted = [name for name in dict.fromkeys((*names, *champions_kinds)) if name != BLEND]
    if set(names) == {BLEND}:
        raise TrainingError(f"{BLEND} mixes other candidates.", "Name at least two more: --candidates")
    if comparison.request.is_fresh:
        for name in wanted:
            with suppress(ExtraMissing):
                find_candidate(name).forget_kept(comparison.context)
    evaluated: list[Evaluated] = []
    skipped: list[Skipped] = []
    for name in wanted:
        n_steps = (len(wanted) - len(skipped)) * comparison.folds.n_all + 1
        found = yield from _evaluate_or_skip(name, evaluated, n_steps, comparison, name in champions_kinds)
        yield comparison.save(found)
        if isinstance(found, Evaluated):
            evaluated.append(found)
        else:
            skipped.append(found)
    short_of_time = [one for one in skipped if one.needed_s]
    if not evaluated and short_of_time:
        cheapest = min(short_of_time, key=lambda one: one.needed_s)
        yield Note(f"no candidate fits in the time, so {cheapest.candidate}, which needs least, is trained anyway")
        found = yield from evaluate(cheapest.candidate, comparison, 0, comparison.folds.n_all + 1)
        yield comparison.save(found)
        return [found], [one for one in skipped if one is not cheapest]
    if not evaluated:
        error = next((one.error for one in skipped if one.error), None)
        if isinstance(error, FirstlineError) or (error and is_out_of_memory(error)):
            raise error
        raise TrainingError(f"No candidate is left; {skipped[0].candidate}: {skipped[0].reason}")
    return evaluated, skipped


def _evaluate_or_skip(
    name: str, before: Sequence[Evaluated], n_steps: int, comparison: Comparison, is_champions: bool
) -> Generator[TrainEvent, None, Evaluated | Skipped]:
    n_done = len(before) * comparison.folds.n_all
    step = Step(f"measuring {name}", n_done, n_steps)
    names = [one.name for one in before]
    try:
        skipped = yield from reason_to_skip(name, comparison, names, is_champions=is_champions, step=step)
        return skipped or (yield from evaluate(name, comparison, n_done, n_steps))
    except (ClusterLost, RunUnwritable):
        raise
    except Exception as error:
        return Skipped(name, reason_of(error, comparison.saved(name)), error=error)


def _with_blend(
    evaluated: list[Evaluated], skipped: list[Skipped], comparison: Comparison
) -> Generator[TrainEvent, None, tuple[list[Evaluated], list[Skipped]]]:
    blend = _blend(evaluated, comparison)
    yield comparison.save(blend)
    return ([*evaluated, blend], skipped) if isinstance(blend, Evaluated) else (evaluated, [*skipped, blend])


def _blend(evaluated: Sequence[Evaluated], comparison: Comparison) -> Evaluated | Skipped:
    """The blend of all candidates that are fast enough."""
    latency_ms = comparison.request.latency_ms
    fast = [one for one in evaluated if one.result.is_within(latency_ms)]
    if len(fast) < 2:
        return Skipped(BLEND, "needs two candidates" + (" within the latency limit" if latency_ms else ""))
    try:
        return fit_blend(fast, comparison.folds, latency_ms)
    except Exception as error:
        return Skipped(BLEND, reason_of(error, comparison.saved(BLEND)))


def _best(evaluated: Sequence[Evaluated], comparison: Comparison) -> Evaluated:
    """The best by macro-F1 that is fast enough. Raises `TrainingError` if none is."""
    latency_ms = comparison.request.latency_ms
    fast = [one for one in evaluated if one.result.is_within(latency_ms)]
    if fast:
        return max(fast, key=lambda one: one.result.figures.macro_f1)
    run = comparison.run
    fastest = min(evaluated, key=lambda one: one.cost.latency_ms["p99"])
    raise TrainingError(
        f"No candidate answers within {latency_ms:g} ms; the fastest, {fastest.name},"
        f" takes {fastest.cost.latency_ms['p99']:.2f} ms (p99).",
        "Allow more (--latency-ms), or measure again while the machine does nothing else (--fresh)."
        f" The table: firstline runs show {run.card.id} --workspace {shlex.quote(str(run.folder.parent.parent))}",
    )


def _train_on_all_labels(
    evaluated: list[Evaluated], comparison: Comparison
) -> Generator[TrainEvent, None, tuple[Evaluated, list[Evaluated], list[Skipped], Fitted, float]]:
    """Train the best on all labels; if that fails, as for lack of memory, the next best.

    Returns the best, the candidates that are left, those that failed, the trained candidate, and its seconds.
    """
    data = comparison.folds.data
    withdrawn: list[Skipped] = []
    while True:
        best = _best(evaluated, comparison)
        try:
            learner = best.make()
            started = time.perf_counter()
            fitted = learner.fit(*data.learned, data.unlabelled)
            return best, evaluated, withdrawn, fitted, time.perf_counter() - started + fitted.borrowed_s
        except RunUnwritable:
            raise
        except Exception as error:
            left = [one for one in evaluated if not one.result.rests_on(best.name)]
            if not any(one.result.is_within(comparison.request.latency_ms) for one in left):
                raise
            reason = f"On all labels: {reason_of(error, comparison.saved(best.name))}"
            for one in evaluated:
                if one not in left:
                    why = reason if one is best else f"{best.name} is a part of it."
                    withdrawn.append(Skipped(one.name, why))
                    yield comparison.save(withdrawn[-1], is_withdrawn=True)
            evaluated = left
