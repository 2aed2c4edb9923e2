"""The candidates of one training, asked one after the other; whoever fails is a line with its reason."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TypeAlias

from firstline.bundle.learning_curve import LearningCurve
from firstline.errors import (
    ClusterLost,
    ExtraMissing,
    FirstlineError,
    LabelsTooFew,
    RunUnwritable,
    TrainingError,
    kind_of,
    trace_of,
)
from firstline.neural.memory import is_out_of_memory
from firstline.settings import Settings
from firstline.steps import Note, Stage, Step, each_as, run_to_end
from firstline.training.blend import Blend
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Candidate, Context, Learner
from firstline.training.candidates.class_names import prepare_for
from firstline.training.candidates.estimate import Workload
from firstline.training.comparison import BLEND, Comparison, Failed, Row, Send, is_within
from firstline.training.drafting import draft, origin
from firstline.training.estimates import eligible, enough_minutes, estimates
from firstline.training.learning_curve import REPETITIONS, SHARES, learning_curve
from firstline.training.place import Bench, Place
from firstline.training.runs import Run, RunRow

_MOST_SECONDS_FOR_CURVE = 60.0
Make = Callable[[], Learner]


@dataclass(frozen=True)
class Asked:
    """What a training is asked for.

    `minutes` bounds the comparison: a candidate that would take longer than is left is passed over, but with
    `is_named_any_time` none of those that `candidates` names.
    `latency_ms` is the most that the 99th percentile of single messages may take. `is_fresh` trains
    again what an earlier run of the same data and settings has kept. `has_curve`: with a learning curve.
    """

    candidates: Sequence[str]
    folds: int
    seed: int
    repeats: int = 1
    minutes: float | None = None
    is_named_any_time: bool = False
    latency_ms: float | None = None
    is_fresh: bool = False
    has_curve: bool = True


TrainEvent: TypeAlias = Note | Stage | Step | Row | Failed


@dataclass
class Contest:
    """The candidates of one training: who has a line, who failed, and how each is made.

    `champions` is the champion's kind and what it is made of; `needed_s` what those need who were passed over.
    """

    comparison: Comparison
    context: Context
    settings: Settings
    asked: Asked
    place: Place | None = None
    champions: Sequence[str] = ()
    rows: list[Row] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    makers: dict[str, Make] = field(default_factory=dict)
    n_left_out: int = 0
    needed_s: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def n_steps(self, names: Sequence[str]) -> int:
        """The folds of those who are not left out, and the training on all labels."""
        return (len(names) - self.n_left_out) * self._n_folds + 1

    @property
    def _n_folds(self) -> int:
        return self.comparison.folds * self.comparison.repeats

    def compare(self, names: Sequence[str]) -> Generator[TrainEvent, None, None]:
        """Ask one after the other. Raises what the first failed of, where none is left."""
        errors: list[Exception] = []
        if self.asked.is_fresh:
            self._forget_kept(names)
        for place, name in enumerate(names):
            try:
                before, total = (place - self.n_left_out) * self._n_folds, self.n_steps(names)
                if reason := (yield from self._passed_over(name, before, total)):
                    self.n_left_out += 1
                    yield self._fail(name, reason)
                    continue
                yield (yield from self._ask(name, before, total))
            except (ClusterLost, RunUnwritable):
                raise
            except Exception as error:
                errors.append(error)
                yield self._fail(name, _reason(error, self.comparison.run, name))
        if not self.rows:
            if errors and (isinstance(errors[0], FirstlineError) or is_out_of_memory(errors[0])):
                raise errors[0]
            enough = self.enough_minutes
            raise TrainingError(
                f"No candidate is left; {self.failed[0].candidate}: {self.failed[0].reason}",
                f"Give all of them time: --minutes {enough}" if enough else "",
            )

    def blend(self) -> Row | Failed:
        """A mixture that is within the latency, as all its parts are."""
        fitting = [row.candidate for row in self.rows if fits(row, self.asked.latency_ms)]
        within = " within the latency" if self.asked.latency_ms else ""
        if len(fitting) < 2:
            return self._fail(BLEND, f"It needs two candidates{within}.")
        try:
            row = self.comparison.blend(fitting, self.asked.latency_ms)
        except Exception as error:
            return self._fail(BLEND, _reason(error, self.comparison.run, BLEND))
        if row is None:
            return self._fail(BLEND, f"One candidate alone answers best{within}.")
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
        if self.asked.minutes is not None and not self.asked.is_named_any_time:
            most_s = min(most_s, self.asked.minutes * 60 - self._took_s)

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
        except Exception as error:
            # The model is worth more than its curve.
            yield Note(f"no learning curve: {_reason(error, self.comparison.run, row.candidate)}")
            return None

    def rows_without(self, name: str) -> list[Row]:
        """The lines that are left without a candidate, and without the blend that it is a part of."""
        return [row for row in self.rows if not _rests_on(row, name)]

    def withdraw(self, name: str, error: Exception) -> list[Failed]:
        """Take out of the table what could be cross-validated, but not trained on all labels, and a blend with it."""
        out = [row.candidate for row in self.rows if _rests_on(row, name)]
        self.rows = self.rows_without(name)
        reason = f"On all labels: {_reason(error, self.comparison.run, name)}"
        return [
            self._fail(one, reason if one == name else f"{name} is a part of it.", is_withdrawn=True) for one in out
        ]

    def _ask(self, name: str, before: int, total: int) -> Generator[TrainEvent, None, Row]:
        data = self.comparison.data
        kind = find_candidate(name)
        starts_from = self.comparison.run.starts_from
        starts_from[name] = _origin(name, self.context)
        if not self.comparison.n_missing(name):
            make = self._prepared_later(kind)
        else:
            make = yield from prepare_for(kind, self.context, data)
            # Preparing may have made what it starts from.
            starts_from[name] = origin(kind, self.context)
        self.makers[name] = make
        send = None if kind.spreads else self._sender(name)
        steps = self.comparison.ask(name, make, lambda fitted: draft(name, fitted, data, self.settings), send)
        counted = each_as(steps, lambda done: Step(f"{name}, fold {done} of {self._n_folds}", before + done, total))
        return self._add((yield from counted))

    def _forget_kept(self, names: Sequence[str]) -> None:
        """Before the first is trained, since candidates may share what one of them keeps."""
        for name in names:
            with suppress(ExtraMissing):
                find_candidate(name).forget_kept(self.context)

    def _prepared_later(self, kind: type[Candidate]) -> Make:
        """How to make a candidate that is only prepared once somebody wants one."""

        @cache
        def prepared() -> Make:
            return run_to_end(prepare_for(kind, self.context, self.comparison.data), self.context.report)

        def make() -> Learner:
            return prepared()()

        return make

    def _sender(self, name: str) -> Send | None:
        """Has folds of a candidate trained where the training was told to."""
        if self.place is None:
            return None
        return partial(self.place.run, Bench(name, self.comparison.data, self.context, self.comparison.folds, 0))

    def _passed_over(self, name: str, before: int, total: int) -> Generator[TrainEvent, None, str]:
        """Why a candidate is not asked: it makes no sense for `auto`, or takes too long; empty where it is.

        One that is kept, or is of the champion's kind, makes sense.
        """
        comparison, asked = self.comparison, self.asked
        is_named = name in asked.candidates
        has_any_time = asked.minutes is None or (is_named and asked.is_named_any_time)
        if is_named and has_any_time:
            return ""
        comparison.run.starts_from[name] = _origin(name, self.context)
        if not (n_missing := comparison.n_missing(name)):
            return ""
        workload = Workload(
            comparison.data,
            self.context,
            comparison.folds,
            comparison.repeats,
            before=tuple(comparison.answers),
            is_compared_only=True,
        )
        if not is_named and name not in self.champions:
            makes_sense, reason = eligible(name, workload)
            if not makes_sense:
                return reason
        if asked.minutes is None or has_any_time:
            return ""
        yield Step(f"measuring {name}", before, total)
        (estimate,) = estimates([name], workload)
        left = asked.minutes * 60 - self._took_s
        needed = (estimate.seconds or 0.0) * n_missing / self._n_folds
        if needed <= left:
            return ""
        self.needed_s[name] = needed
        return (
            f"It would take about {_minutes(needed)} minutes; {_minutes(max(left, 0))} are left of {asked.minutes:g}."
        )

    @property
    def enough_minutes(self) -> int | None:
        """How many would do for this comparison and all that was passed over for time; None where nothing was."""
        if not self.needed_s or self.asked.minutes is None:
            return None
        return enough_minutes(sum(self.needed_s.values()), min(self._took_s, self.asked.minutes * 60))

    @property
    def _took_s(self) -> float:
        return time.monotonic() - self.started

    def _add(self, row: Row) -> Row:
        self.rows.append(row)
        self.comparison.run.keep_row(_run_row(row, self.asked.repeats))
        return row

    def _fail(self, name: str, reason: str, is_withdrawn: bool = False) -> Failed:
        self.failed.append(Failed(name, reason))
        self.comparison.run.keep_row(RunRow(name, problem=reason), is_withdrawn)
        return self.failed[-1]


def fits(row: Row, latency_ms: float | None) -> bool:
    """Whether a candidate answers fast enough, at the 99th percentile of single messages."""
    return is_within(latency_ms, row.latency_ms)


def _rests_on(row: Row, name: str) -> bool:
    """Whether a line is that of a candidate, or of a blend that it is a part of."""
    return row.candidate == name or bool(row.mixture and name in row.mixture.weights)


def _origin(name: str, context: Context) -> str:
    """As `origin`; empty for a candidate that lacks what it needs."""
    try:
        return origin(find_candidate(name), context)
    except ExtraMissing:
        return ""


def _reason(error: Exception, run: Run, name: str) -> str:
    """Why a candidate failed, in a sentence; what nobody foresaw is kept in full."""
    if isinstance(error, ExtraMissing):
        return f"{error.message} {error.next_step}".strip()
    if isinstance(error, FirstlineError):
        return error.message
    if is_out_of_memory(error):
        return "The memory does not suffice."
    return f"{kind_of(error)}; see {run.keep_error(name, trace_of(error))}"


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
        too_slow=tuple(row.mixture.too_slow) if row.mixture else (),
        repeats=repeats,
    )


def _minutes(seconds: float) -> str:
    """`2.5`, `0.004`."""
    return f"{seconds / 60:.1f}" if seconds >= 60 else f"{seconds / 60:.2g}"
