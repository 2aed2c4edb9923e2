"""Who takes part: what makes sense, and what there is time for."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from firstline.errors import TrainingError
from firstline.steps import Step
from firstline.training.candidates.estimate import Workload
from firstline.training.comparison import Failed
from firstline.training.estimates import Estimated
from tests.examples import examples
from tests.trainings import run


def test_what_would_take_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(names: Sequence[str], workload: Workload) -> Iterator[Estimated]:
        yield from (Estimated(name, True, "", 600.0 if name == "forest.v1" else 1.0) for name in names)

    monkeypatch.setattr("firstline.training.contest.estimates", told)
    events, report = run(tmp_path, candidates=("forest.v1", "linear.v1"), minutes=5)
    assert [row.candidate for row in report.rows] == ["linear.v1"]
    assert report.failed[0].reason == "It would take about 10.0 minutes; 5.0 are left of 5."
    # The bar counts what is left: three folds, and all labels.
    steps = [event for event in events if isinstance(event, Step) and "measuring" not in event.what]
    assert [(step.done, step.total) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(TrainingError, match=r"No candidate is left; forest\.v1: It would take"):
        run(tmp_path, candidates=("forest.v1",), minutes=5)


def test_what_is_named_has_any_time_where_the_minutes_are_the_workspaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstline.training.contest.eligible", lambda name, _: (name == "forest.v1", f"not {name}"))
    monkeypatch.setattr("firstline.training.contest.estimates", lambda names, _: [Estimated(names[0], True, "", 1e6)])
    _, report = run(tmp_path, candidates=("auto", "linear.v1"), minutes=5, is_named_any_time=True)
    assert [row.candidate for row in report.rows] == ["linear.v1"]
    assert report.out_of_time == ("forest.v1",)


def test_how_many_minutes_would_do_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(names: Sequence[str], workload: Workload) -> Iterator[Estimated]:
        # A minute for each training, and three that are done once.
        yield Estimated(names[0], True, "", 60.0 * len(workload.learned) + 180 if names[0] == "forest.v1" else 0.0)

    monkeypatch.setattr("firstline.training.contest.estimates", told)
    _, report = run(tmp_path, candidates=("linear.v1", "forest.v1"), minutes=5, repeats=2)
    # Three folds, twice, and no training on all labels.
    assert report.failed[0].reason.startswith("It would take about 9.0 minutes")
    # Twice that, and what it took.
    assert report.enough_minutes in (18, 19)
    _, report = run(tmp_path, candidates=("linear.v1", "forest.v1"), minutes=report.enough_minutes, repeats=2)
    assert (report.failed, report.enough_minutes) == ([], None)


def test_what_was_compared_before_takes_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, candidates=("linear.v1",))
    monkeypatch.setattr("firstline.training.contest.estimates", lambda names, _: [Estimated(names[0], True, "", 1e6)])
    _, report = run(tmp_path, candidates=("linear.v1",), minutes=1)
    assert [row.candidate for row in report.rows] == ["linear.v1"]


def test_auto_passes_over_what_makes_no_sense_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "firstline.training.contest.eligible", lambda name, _: (name in ("linear.v1", "lsa.v1"), f"not {name}")
    )
    _, report = run(tmp_path, candidates=("auto",))
    assert {row.candidate for row in report.rows} >= {"linear.v1", "lsa.v1"}
    assert not {row.candidate for row in report.rows} & {"forest.v1", "ulmfit.v1"}
    assert Failed("ulmfit.v1", "not ulmfit.v1") in report.failed


def test_auto_takes_what_is_kept_and_the_champions_kind_whatever_is_thought_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = run(tmp_path, candidates=("lsa.v1", "forest.v1", "blend.v1"))
    kept = {"lsa.v1", "forest.v1"}
    monkeypatch.setattr("firstline.training.contest.eligible", lambda name, _: (name == "linear.v1", f"not {name}"))
    _, again = run(tmp_path, candidates=("auto",))
    assert {row.candidate for row in again.rows} - {"blend.v1"} == kept | {"linear.v1"}
    data = examples()
    _, other = run(tmp_path, replace(data, messages=data.messages[1:], labels=data.labels[1:]), candidates=("auto",))
    settings = first.model.training.candidate_settings if first.model.training else {}
    champions = {first.model.candidate, *settings.get("weights", {})} - {"blend.v1"}
    assert champions
    assert {row.candidate for row in other.rows} - {"blend.v1"} == champions | {"linear.v1"}
