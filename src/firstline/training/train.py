"""`firstline train`: candidates compete by cross-validation, the best becomes a bundle.

A generator: it yields events and ends with the report, and its caller draws, stops or saves.
"""

import shlex
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from firstline.bundle.files import read_manifest, write_bundle
from firstline.bundle.manifest import Manifest
from firstline.bundle.registry import champion_id, promote
from firstline.errors import BundleError, RunUnwritable, TrainingError
from firstline.evaluation.metrics import differences
from firstline.settings import Settings
from firstline.steps import Note, Step
from firstline.store.messages import Labelled, StoredMessage
from firstline.training.candidates import expand
from firstline.training.candidates.base import Candidate, Context
from firstline.training.comparison import BLEND, Comparison, Failed, Row
from firstline.training.contest import Asked, Contest, TrainEvent, fits
from firstline.training.drafting import key, manifest
from firstline.training.folds import usable_folds
from firstline.training.place import Place
from firstline.training.plots import plot_svg
from firstline.training.runs import Run, RunCard

__all__ = ["Asked", "TrainEvent", "TrainReport", "train"]

CURVE_FILE = "learning_curve.svg"


@dataclass(frozen=True)
class TrainReport:
    """What a training did. `is_new` is false where the same model was there already.

    `differences` of the rows are those to `reference`: the champion's kind where it took part, or the best.
    `enough_minutes` would do for those that are `out_of_time` as well.
    """

    rows: list[Row]
    failed: list[Failed]
    reference: str
    model: Manifest
    is_new: bool
    is_champion: bool
    champion: str
    n_messages: int
    n_classes: int
    folds: int
    repeats: int
    seed: int
    run: str
    out_of_time: tuple[str, ...] = ()
    enough_minutes: int | None = None


def train(
    data: Labelled,
    settings: Settings,
    models: Path,
    runs: Path,
    asked: Asked,
    context: Context | None = None,
    place: Place | None = None,
) -> Generator[TrainEvent, None, TrainReport]:
    """Compare candidates, refit the best by macro-F1 on all labels and write it as a bundle.

    It becomes champion if there is none. Every fold is kept in `runs`, so the same again goes on where
    it was. A candidate that fails is a line with its reason; the others go on. `context` is that of
    the settings, where it is not given; `place` trains all folds but one of each candidate, where it is given.
    Raises `CandidateUnknown`, `LabelsTooFew`, `FileUnwritable`, or `TrainingError` where no candidate is left.
    """
    names = expand(asked.candidates)
    alone = [name for name in names if name != BLEND]
    if not alone:
        raise TrainingError(f"{BLEND} mixes other candidates.", "Name at least two beside it: --candidates")
    champion = champion_id(models)
    if champion is not None and not (models / champion).is_dir():
        yield Note(f"the champion, {champion}, is gone: the new model takes its place")
        champion = None
    context = context or Context.of(settings, asked.seed)
    folds, notes = usable_folds(data.labels, asked.folds)
    if data.n_disagreements:
        left_out = "message with two labels is" if data.n_disagreements == 1 else "messages with two labels are"
        notes.insert(0, f"{data.n_disagreements} {left_out} left out until one is chosen")
    yield from map(Note, notes)
    run = Run.begin(runs, _card(data, settings, folds, asked.seed), asked.is_fresh, context.chosen)
    read = (*data.messages, *data.unlabelled)
    run.keep_messages(StoredMessage(message.text, message.segment).key for message in read)
    if run.is_old:
        yield Note(f"goes on with the run {run.card.id}: what it has of the same data and settings stays")
    kinds = _kinds_of(models, champion)
    comparison = Comparison(data, folds, asked.repeats, asked.seed, run, context.working_folder)
    contest = Contest(comparison, context, settings, asked, place, kinds)
    yield from contest.compare(alone)
    # Where nothing is within the latency, a blend is not either, and earlier figures stay.
    _best(contest)
    run.reopen()
    if BLEND in names:
        yield contest.blend()
    curve = (yield from contest.curve(_best(contest))) if asked.has_curve else None
    best, fitted, refit_s = yield from _best_on_all_labels(contest)
    begun = manifest(best, fitted, settings, comparison, refit_s, curve)
    beside = {CURVE_FILE: plot_svg(curve).encode()} if curve else {}
    model = write_bundle(models, begun, fitted.parts(), beside)
    is_there = any(row.candidate in kinds[:1] for row in contest.rows)
    reference = kinds[0] if is_there else best.candidate
    if champion is None:
        promote(models, model.id)
        champion = model.id
    run.finish(model.id)
    total = contest.n_steps(alone)
    yield Step(f"{best.candidate}, on all labels", total, total)
    return TrainReport(
        rows=_with_differences(contest.rows, reference, comparison),
        failed=contest.failed,
        reference=reference,
        model=model,
        is_new=model.measured.created_at == begun.measured.created_at,
        is_champion=champion == model.id,
        champion=champion,
        n_messages=len(data.messages),
        n_classes=len(model.labels),
        folds=folds,
        repeats=asked.repeats,
        seed=asked.seed,
        run=run.card.id,
        out_of_time=tuple(contest.needed_s),
        enough_minutes=contest.enough_minutes,
    )


def _best_on_all_labels(contest: Contest) -> Generator[TrainEvent, None, tuple[Row, Candidate, float]]:
    """The best, trained on all labels, and the seconds that took; where that fails, as for lack of memory, the next."""
    data = contest.comparison.data
    while True:
        best = _best(contest)
        try:
            learner = contest.maker(best)()
            started = time.perf_counter()
            fitted = learner.fit(data.messages, data.labels, data.unlabelled)
            return best, fitted, time.perf_counter() - started + fitted.borrowed_s
        except RunUnwritable:
            raise
        except Exception as error:
            if not any(fits(row, contest.asked.latency_ms) for row in contest.rows_without(best.candidate)):
                raise
            yield from contest.withdraw(best.candidate, error)


def _card(data: Labelled, settings: Settings, folds: int, seed: int) -> RunCard:
    return RunCard(
        id="",
        key=key(data, settings, folds, seed),
        started_at="",
        n_messages=len(data.messages),
        n_unlabelled=len(data.unlabelled),
        n_classes=len(set(data.labels)),
        folds=folds,
        seed=seed,
    )


def _best(contest: Contest) -> Row:
    """The best by macro-F1 within the latency. Raises `TrainingError` where none is."""
    latency_ms = contest.asked.latency_ms
    fitting = [row for row in contest.rows if fits(row, latency_ms)]
    if not fitting:
        run = contest.comparison.run
        fastest = min(contest.rows, key=lambda row: row.latency_ms["p99"])
        raise TrainingError(
            f"No candidate answers within {latency_ms:g} ms; the fastest, {fastest.candidate},"
            f" takes {fastest.latency_ms['p99']:.2f} ms (p99).",
            "Allow more (--latency-ms), or measure again while the machine does nothing else (--fresh);"
            f" the table: firstline runs show {run.card.id} --workspace {shlex.quote(str(run.folder.parent.parent))}",
        )
    return max(fitting, key=lambda row: row.figures.macro_f1)


def _with_differences(rows: Sequence[Row], reference: str, comparison: Comparison) -> list[Row]:
    names, truth = comparison.names, comparison.data.labels
    others = comparison.answers[reference].labels(names)
    return [
        row
        if row.candidate == reference
        else replace(
            row,
            differences=differences(truth, comparison.answers[row.candidate].labels(names), others, comparison.seed),
        )
        for row in rows
    ]


def _kinds_of(models: Path, champion: str | None) -> tuple[str, ...]:
    """The candidate that the champion is of, then those that a blend is made of; empty without one."""
    if champion is None:
        return ()
    try:
        found = read_manifest(models / champion)
    except BundleError:
        return ()
    weights = found.training.candidate_settings.get("weights") if found.training else None
    return found.candidate, *(weights if isinstance(weights, dict) else ())
