"""`firstline train`: candidates compete by cross-validation, the best becomes a bundle.

A generator: it yields events and ends with the report, and its caller draws, stops or saves.
"""

import time
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from firstline.bundle.files import read_manifest, write_bundle
from firstline.bundle.learning_curve import LearningCurve
from firstline.bundle.manifest import Manifest
from firstline.bundle.registry import champion_id, promote
from firstline.errors import (
    BundleError,
    ClusterLost,
    ExtraMissing,
    FileUnwritable,
    FirstlineError,
    LabelsTooFew,
    TrainingError,
)
from firstline.evaluation.metrics import differences
from firstline.settings import Settings
from firstline.steps import each_as
from firstline.store.messages import Labelled
from firstline.training.candidates import AUTO, expand, find_candidate
from firstline.training.candidates.base import Candidate, Context, Note, Stage
from firstline.training.candidates.blend import Blend
from firstline.training.candidates.encoder.kept import forget_parts
from firstline.training.comparison import BLEND, Comparison, Failed, Row, Send
from firstline.training.costs import estimates, judge
from firstline.training.costs.base import Workload
from firstline.training.drafting import draft, key, manifest, origin
from firstline.training.learning_curve import REPETITIONS, SHARES, learning_curve
from firstline.training.memory import is_out_of_memory
from firstline.training.plots import plot_svg
from firstline.training.runs import Run, RunCard, RunRow
from firstline.training.search.crossval import usable_folds
from firstline.training.search.evaluating import Bench, Place

__all__ = ["Asked", "Step", "TrainEvent", "TrainReport", "train"]

CURVE_FILE = "learning_curve.svg"
_MOST_SECONDS_FOR_CURVE = 60.0
Make = Callable[[], Candidate]


@dataclass(frozen=True)
class Asked:
    """What a training is asked for.

    `minutes` bounds the comparison: a candidate that would take longer than is left is passed over.
    `latency_ms` is the most that the 99th percentile of single messages may take. `is_fresh` trains
    again what an earlier run of the same data and settings has kept. `has_curve`: with a learning curve.
    """

    candidates: Sequence[str]
    folds: int
    seed: int
    repeats: int = 1
    minutes: float | None = None
    latency_ms: float | None = None
    is_fresh: bool = False
    has_curve: bool = True


@dataclass(frozen=True)
class Step:
    """One fold or refit is done; `done` counts them over all candidates, of `total`."""

    what: str
    done: int
    total: int


@dataclass(frozen=True)
class TrainReport:
    """What a training did. `is_new` is false where the same model was there already.

    `differences` of the rows are those to `reference`: the champion's kind where it took part, or the best.
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


TrainEvent: TypeAlias = Note | Stage | Step | Row | Failed


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
        notes.insert(0, f"{data.n_disagreements} messages with two labels are left out until one is chosen")
    yield from map(Note, notes)
    if asked.is_fresh and context.folder:
        forget_parts(context.folder)
    run = Run.begin(runs, _card(data, settings, folds, asked.seed), asked.is_fresh, context.chosen)
    if run.is_old:
        yield Note(f"goes on with the run {run.card.id}: what it has of the same data and settings stays")
    contest = _Contest(Comparison(data, folds, asked.repeats, asked.seed, run), context, settings, asked, place)
    yield from contest.compare(alone)
    if BLEND in names:
        yield contest.blend()
    best = _best(contest.rows, asked.latency_ms)
    reference = _kind_of(models, champion)
    if reference not in contest.comparison.answers:
        reference = best.candidate
    curve = (yield from contest.curve(best)) if asked.has_curve else None
    started = time.perf_counter()
    fitted = contest.maker(best)().fit(data.messages, data.labels, data.unlabelled)
    refit_s = time.perf_counter() - started + fitted.borrowed_s
    begun = manifest(best, fitted, settings, contest.comparison, refit_s, curve)
    beside = {CURVE_FILE: plot_svg(curve).encode()} if curve else {}
    model = write_bundle(models, begun, fitted.parts(), beside)
    if champion is None:
        promote(models, model.id)
        champion = model.id
    run.finish(model.id)
    total = contest.n_steps(alone)
    yield Step(f"{best.candidate}, on all labels", total, total)
    return TrainReport(
        rows=_with_differences(contest.rows, reference, contest.comparison),
        failed=contest.failed,
        reference=reference,
        model=model,
        is_new=model.measured.created_at == begun.measured.created_at,
        is_champion=champion == model.id,
        champion=champion,
        n_messages=len(data.messages),
        n_classes=len(fitted.labels_),
        folds=folds,
        repeats=asked.repeats,
        seed=asked.seed,
        run=run.card.id,
    )


@dataclass
class _Contest:
    """The candidates of one training: who has a line, who failed, and how each is made."""

    comparison: Comparison
    context: Context
    settings: Settings
    asked: Asked
    place: Place | None = None
    rows: list[Row] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    makers: dict[str, Make] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def n_steps(self, names: Sequence[str]) -> int:
        return len(names) * self._n_folds + 1

    @property
    def _n_folds(self) -> int:
        return self.comparison.folds * self.comparison.repeats

    def compare(self, names: Sequence[str]) -> Generator[TrainEvent, None, None]:
        """Ask one after the other. Raises what the first failed of, where none is left."""
        errors: list[Exception] = []
        for place, name in enumerate(names):
            try:
                if reason := self._passed_over(name):
                    yield self._fail(name, reason)
                    continue
                yield (yield from self._ask(name, place * self._n_folds, self.n_steps(names)))
            except (ClusterLost, FileUnwritable):
                raise
            except Exception as error:
                errors.append(error)
                yield self._fail(name, _reason(error, self.comparison.run, name))
        if not self.rows:
            if errors and (isinstance(errors[0], FirstlineError) or is_out_of_memory(errors[0])):
                raise errors[0]
            raise TrainingError(f"No candidate is left; {self.failed[0].candidate}: {self.failed[0].reason}")

    def blend(self) -> Row | Failed:
        """A mixture of those that are within the latency."""
        fitting = [row.candidate for row in self.rows if _fits(row, self.asked.latency_ms)]
        if len(fitting) < 2:
            within = " within the latency" if self.asked.latency_ms else ""
            return self._fail(BLEND, f"It needs two candidates{within}.")
        try:
            row = self.comparison.blend(fitting)
        except Exception as error:
            return self._fail(BLEND, _reason(error, self.comparison.run, BLEND))
        if row is None:
            return self._fail(BLEND, "One candidate alone answers best.")
        return self._add(row)

    def maker(self, row: Row) -> Make:
        """How to make the candidate of a line."""
        if row.mixture is None:
            return self.makers[row.candidate]
        return lambda: Blend(self.makers, self.asked.seed, mixture=row.mixture)

    def curve(self, best: Row) -> Generator[TrainEvent, None, LearningCurve | None]:
        """The learning curve of the best where that takes no more than a minute, or of the quickest; or none."""
        quickest = min((row for row in self.rows if row.mixture is None), key=lambda row: row.training_s)
        n_trainings = REPETITIONS * len(SHARES)
        most_s = _MOST_SECONDS_FOR_CURVE
        if self.asked.minutes is not None:
            most_s = min(most_s, self.asked.minutes * 60 - (time.monotonic() - self.started))

        def needed_s(row: Row) -> float:
            return row.training_s / self._n_folds * n_trainings

        row = best if best.mixture is None and needed_s(best) <= most_s else quickest
        # Fewer repetitions have wider intervals, which is better than none.
        repetitions = min(REPETITIONS, int(most_s / max(needed_s(row) / REPETITIONS, 1e-6)))
        if most_s <= 0:
            yield Note("no learning curve: the minutes are over")
            return None
        if repetitions < 1:
            needed = f"{needed_s(row) / REPETITIONS / 60:.1f} minutes at least"
            yield Note(f"no learning curve: even with the quickest, {row.candidate}, it would take {needed}")
            return None
        data = self.comparison.data
        try:
            return (
                yield from learning_curve(
                    self.maker(row),
                    data.messages,
                    data.labels,
                    data.unlabelled,
                    self.asked.seed,
                    candidate=row.candidate,
                    repetitions=repetitions,
                )
            )
        except LabelsTooFew as error:
            yield Note(error.message)
            return None

    def _ask(self, name: str, before: int, total: int) -> Generator[TrainEvent, None, Row]:
        data = self.comparison.data
        kind = find_candidate(name)
        self.makers[name] = make = yield from kind.prepare(self.context, [*data.messages, *data.unlabelled])
        self.comparison.run.starts_from[name] = origin(kind, self.context)
        send = None if kind.spreads else self._sender(name)
        steps = self.comparison.ask(name, make, lambda fitted: draft(name, fitted, data, self.settings), send)
        counted = each_as(steps, lambda done: Step(f"{name}, fold {done} of {self._n_folds}", before + done, total))
        return self._add((yield from counted))

    def _sender(self, name: str) -> Send | None:
        """Has folds of a candidate trained where the training was told to."""
        if self.place is None:
            return None
        return partial(self.place.run, Bench(name, self.comparison.data, self.context, self.comparison.folds, 0))

    def _passed_over(self, name: str) -> str:
        """Why a candidate is not asked: it makes no sense for `auto`, or takes too long; empty where it is."""
        comparison = self.comparison
        workload = Workload(comparison.data, self.context, comparison.folds, before=tuple(comparison.answers))
        if AUTO in self.asked.candidates and name not in self.asked.candidates:
            makes_sense, reason = judge(name, workload)
            if not makes_sense:
                return reason
        self.comparison.run.starts_from[name] = origin(find_candidate(name), self.context)
        if self.asked.minutes is None or not (n_missing := self.comparison.n_missing(name)):
            return ""
        left = self.asked.minutes * 60 - (time.monotonic() - self.started)
        (estimate,) = estimates([name], workload)
        needed = (estimate.seconds or 0.0) * n_missing / self.comparison.folds
        if needed <= left:
            return ""
        return (
            f"It would take about {needed / 60:.1f} minutes;"
            f" {max(left, 0) / 60:.1f} are left of {self.asked.minutes:g}."
        )

    def _add(self, row: Row) -> Row:
        self.rows.append(row)
        self.comparison.run.keep_row(_run_row(row, self.asked.repeats))
        return row

    def _fail(self, name: str, reason: str) -> Failed:
        self.failed.append(Failed(name, reason))
        self.comparison.run.keep_row(RunRow(name, problem=reason))
        return self.failed[-1]


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


def _fits(row: Row, latency_ms: float | None) -> bool:
    return latency_ms is None or row.latency_ms["p99"] <= latency_ms


def _best(rows: Sequence[Row], latency_ms: float | None) -> Row:
    """The best by macro-F1 within the latency. Raises `TrainingError` where none is."""
    fitting = [row for row in rows if _fits(row, latency_ms)]
    if not fitting:
        fastest = min(rows, key=lambda row: row.latency_ms["p99"])
        raise TrainingError(
            f"No candidate answers within {latency_ms:g} ms; the fastest, {fastest.candidate},"
            f" takes {fastest.latency_ms['p99']:.2f} ms (p99).",
            "Allow more (--latency-ms), or measure again while the machine does nothing else (--fresh).",
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


def _reason(error: Exception, run: Run, name: str) -> str:
    """Why a candidate failed, in a sentence; what nobody foresaw is kept in full."""
    if isinstance(error, ExtraMissing):
        return f"{error.message} {error.next_step}".strip()
    if isinstance(error, FirstlineError):
        return error.message
    if is_out_of_memory(error):
        return "The memory does not suffice."
    file = run.keep_error(name, "".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {error}; see {file}"


def _kind_of(models: Path, champion: str | None) -> str:
    """The candidate that the champion is of; empty without one."""
    if champion is None:
        return ""
    try:
        return read_manifest(models / champion).candidate
    except BundleError:
        return ""


def _run_row(row: Row, repeats: int) -> RunRow:
    figures = row.figures
    return RunRow(
        candidate=row.candidate,
        accuracy=figures.accuracy,
        macro_f1=figures.macro_f1,
        macro_precision=figures.macro_precision,
        intervals=dict(figures.intervals),
        training_s=row.training_s,
        latency_ms=dict(row.latency_ms),
        memory_bytes=row.memory_bytes,
        size_bytes=row.size_bytes,
        weights=dict(row.mixture.weights) if row.mixture else {},
        dropped=tuple(row.mixture.dropped) if row.mixture else (),
        repeats=repeats,
    )
