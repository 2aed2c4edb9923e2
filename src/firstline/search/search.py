"""`firstline search`: the settings of one candidate evolve, and what wins is checked on other folds.

A generator: it yields trials and generations and ends with the report, and its caller draws and stops.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from firstline.errors import TrainingError
from firstline.evaluation.metrics import Difference, differences
from firstline.search.evaluating import Outcome, TrialTask
from firstline.search.evolution import Evaluate, Generation, Plan, Trial, evolve, spelled
from firstline.search.space import Space, Value, defaults_of, space_of
from firstline.search.trials import Trials
from firstline.settings import Settings
from firstline.steps import each_as
from firstline.training.candidates import CLASSES, find_candidate
from firstline.training.place import Bench, Place, Task
from firstline.training.provenance import key_of
from firstline.training.runs import encoders_of, run_key

_KEY_LETTERS = 8


@dataclass(frozen=True)
class Checked:
    """Best settings against those of now, on folds that the search has not seen: macro-F1 of both, and by how much."""

    best: float
    default: float
    gain: Difference


@dataclass(frozen=True)
class SearchReport:
    """`best`, and `default`, the settings as they are now, have the scores that the search saw.

    `checked` is None where the latter are best.
    `population` is the last one, best first. `is_finished`: not ended by time.
    """

    candidate: str
    best: Trial
    default: Trial
    checked: Checked | None
    population: list[Trial]
    generations: list[Generation]
    n_trials: int
    is_finished: bool

    @property
    def changed(self) -> dict[str, Value]:
        """The best settings that are not the candidate's own defaults."""
        defaults = defaults_of(searched(self.candidate))
        return {name: value for name, value in self.best.settings.items() if value != defaults[name]}


SearchEvent: TypeAlias = Trial | Generation


def search(
    bench: Bench, plan: Plan, trials: Trials, place: Place, minutes: float | None
) -> Generator[SearchEvent, None, SearchReport]:
    """Let settings evolve for as long as the plan or `minutes` say; trials that are kept are not computed again.

    Raises `TrainingError` if the candidate has no settings or fails with the current ones; what `Trials.keep` raises.
    """
    space = searched(bench.candidate)
    if not space:
        raise TrainingError(
            f"{bench.candidate} has nothing to set.",
            f"These have: {', '.join(name for name in CLASSES if searched(name))}",
        )
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    chosen = bench.context.chosen_for(bench.candidate)
    now = {**defaults_of(space), **{name: value for name, value in chosen.items() if name in space}}
    evaluate = _remembering(bench, trials, place, deadline, now)
    found = _Found()
    population, is_finished = yield from each_as(evolve(space, plan, evaluate, now), found.take)
    default = found.trials.get(spelled(now))
    if default is None:
        raise TrainingError(f"{bench.candidate} was not even tried as it is in that time.", "Allow more: --minutes")
    if default.outcome.problem:
        raise TrainingError(f"{bench.candidate} fails as it is: {default.outcome.problem}", "Run: firstline train")
    whole = [trial for trial in found.trials.values() if trial.outcome.is_whole]
    best = max(whole, key=lambda trial: (trial.outcome.score, trial is default))
    return SearchReport(
        bench.candidate,
        best,
        default,
        None if best is default else _check(bench, best, default, place),
        population,
        found.generations,
        len(found.trials),
        is_finished,
    )


def searched(candidate: str) -> Space:
    """The settings of a candidate that a search looks for. Raises what `find_candidate` raises."""
    return space_of(find_candidate(candidate).settings_type)


def unsearched(bench: Bench) -> dict[str, Value]:
    """What is chosen of the candidate's other settings, which stay as they are."""
    space = searched(bench.candidate)
    return {name: value for name, value in bench.context.chosen_for(bench.candidate).items() if name not in space}


@dataclass
class _Found:
    """What came out of a search so far; trials by their settings, spelled."""

    trials: dict[str, Trial] = field(default_factory=dict)
    generations: list[Generation] = field(default_factory=list)

    def take(self, event: SearchEvent) -> SearchEvent:
        if isinstance(event, Generation):
            self.generations.append(event)
        else:
            self.trials[spelled(event.settings)] = event
        return event


def search_folder(searches: Path, bench: Bench, settings: Settings) -> Path:
    """Where the trials of a bench are kept: another for other data, folds, seed, settings or code."""
    begun = run_key(bench.data, settings, bench.folds, bench.seed)
    encoders = encoders_of(find_candidate(bench.candidate), bench.context)
    others = {**bench.context.chosen, bench.candidate: unsearched(bench)}
    return (
        searches / f"{bench.candidate}-{key_of({'run': begun, 'others': others, 'encoders': encoders})[:_KEY_LETTERS]}"
    )


def _remembering(
    bench: Bench, trials: Trials, place: Place, deadline: float | None, now: Mapping[str, Value]
) -> Evaluate:
    """Evaluates what is not known. The settings of `now` are tried again if they failed, as all others need them."""

    def evaluate(
        many: Sequence[Mapping[str, Value]], rival: Sequence[int]
    ) -> Iterable[tuple[Mapping[str, Value], Outcome]]:
        missing = []
        for settings in many:
            known = trials.find(settings)
            if known is not None and not (known.problem and settings == now):
                yield settings, known
            else:
                missing.append(settings)
        for settings, outcome in _outcomes(bench, missing, rival, place, deadline):
            trials.keep(Trial(settings, outcome))
            yield settings, outcome

    return evaluate


def _outcomes(
    bench: Bench, many: Sequence[Mapping[str, Value]], rival: Sequence[int], place: Place, deadline: float | None
) -> Iterator[tuple[Mapping[str, Value], Outcome]]:
    settings_of: dict[Task[Outcome], Mapping[str, Value]] = {}
    for settings in many:
        settings_of[TrialTask(settings, tuple(rival))] = settings
    for task, outcome in place.run(bench, list(settings_of), deadline):
        yield settings_of[task], outcome


def _check(bench: Bench, best: Trial, default: Trial, place: Place) -> Checked | None:
    """None if one of the two fails."""
    other = replace(bench, seed=(bench.seed + 1) % 2**32)
    outcomes = _outcomes(other, [best.settings, default.settings], (), place, None)
    found = {spelled(settings): outcome for settings, outcome in outcomes}
    one, two = (found.get(spelled(trial.settings)) for trial in (best, default))
    if one is None or two is None or not (one.is_whole and two.is_whole):
        return None
    names = sorted(set(bench.data.labels))
    said, said_as_it_is = ([[names[place] for place in outcome.guesses]] for outcome in (one, two))
    gain = differences(bench.data.labels, said, said_as_it_is, bench.seed)["macro_f1"]
    return Checked(one.score, two.score, gain)
