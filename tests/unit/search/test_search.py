"""A whole search: what it tries, what it keeps, and what it says in the end."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from firstline.errors import TrainingError
from firstline.search.evaluating import Outcome
from firstline.search.evolution import Plan
from firstline.search.search import SearchReport, search, search_folder
from firstline.search.space import Value
from firstline.search.trials import Trials
from firstline.settings import Settings
from firstline.steps import run_to_end
from firstline.training.candidates.base import NoSettings
from firstline.training.candidates.linear import Linear
from firstline.training.place import Bench
from tests.unit.search.benches import Here, bench

PLAN = Plan(population=4, generations=2)


class Failing(Here):
    def judge(self, bench: Bench, settings: Mapping[str, Value]) -> Outcome:
        return Outcome(0.0, 0, 0.0, problem="There is no memory.")


def run(trials: Trials, place: Here, plan: Plan = PLAN) -> SearchReport:
    return run_to_end(search(bench(), plan, trials, place, None))


def test_better_settings_are_found_and_checked_on_other_folds(tmp_path: Path) -> None:
    report = run(Trials(tmp_path), Here())
    assert report.best.outcome.score > report.default.outcome.score
    assert "C" in report.changed
    assert report.checked is not None
    assert report.checked.gain.value > 0
    assert report.checked.gain.low <= report.checked.gain.value <= report.checked.gain.high


def test_a_search_that_was_stopped_ends_where_an_undisturbed_one_ends(tmp_path: Path) -> None:
    undisturbed = run(Trials(tmp_path / "whole"), Here())
    n_asked = 0
    for n_most in (1, 3, 2, 4, 1, 1_000):
        place = Here(n_most)
        report = run(Trials(tmp_path / "broken"), place)
        n_asked += place.n_asked
    assert report.population == undisturbed.population
    assert report.is_finished
    # Two more check the best on other folds, at the end of each that has found something.
    assert n_asked >= undisturbed.n_trials


def test_what_is_known_is_not_computed_again(tmp_path: Path) -> None:
    run(Trials(tmp_path), Here())
    again = Here()
    run(Trials(tmp_path), again)
    assert again.n_asked == 2


def test_a_candidate_that_fails_as_it_is_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="fails as it is: There is no memory"):
        run(Trials(tmp_path), Failing())


def test_no_time_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not even tried"):
        run(Trials(tmp_path), Here(0))


def test_a_candidate_with_nothing_to_set_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Linear, "settings_type", NoSettings)
    with pytest.raises(TrainingError, match="has nothing to set"):
        run_to_end(search(bench("linear.v1"), PLAN, Trials(tmp_path), Here(), None))


def test_real_evaluations_end_too(tmp_path: Path) -> None:
    report = run(Trials(tmp_path), Here(is_exact=True), Plan(population=3, generations=1))
    assert report.n_trials >= 3
    assert report.best.outcome.is_whole


def test_trials_of_other_data_or_settings_are_kept_apart(tmp_path: Path) -> None:
    folders = {
        search_folder(tmp_path, bench(), Settings()),
        search_folder(tmp_path, bench("forest.v1"), Settings()),
        search_folder(tmp_path, replace(bench(), folds=2), Settings()),
        search_folder(tmp_path, replace(bench(), seed=1), Settings()),
        search_folder(
            tmp_path, replace(bench(), context=replace(bench().context, chosen={"lsa.v1": {"C": 1.0}})), Settings()
        ),
    }
    assert len(folders) == 5
    own = replace(bench(), context=replace(bench().context, chosen={"linear.v1": {"C": 1.0}}))
    assert search_folder(tmp_path, own, Settings()) in folders


def test_what_is_set_already_is_what_has_to_be_beaten(tmp_path: Path) -> None:
    own = replace(bench(), context=replace(bench().context, chosen={"linear.v1": {"C": 0.1}}))
    report = run_to_end(search(own, PLAN, Trials(tmp_path), Here(), None))
    assert report.default.settings["C"] == 0.1
    assert report.best is report.default
    assert report.changed == {"C": 0.1}
    assert report.checked is None


def test_settings_of_now_that_failed_are_tried_again(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="fails as it is"):
        run(Trials(tmp_path), Failing())
    assert run(Trials(tmp_path), Here()).is_finished
