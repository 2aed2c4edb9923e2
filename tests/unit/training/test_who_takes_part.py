"""Which candidates take part in a training: those that are eligible, and those that there is time for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from firstline.errors import TrainingError
from firstline.steps import Note, Step
from firstline.training.candidates import CLASSES, find_candidate
from firstline.training.candidates.estimate import Eligible, Estimate, Workload
from firstline.training.results import Skipped
from tests.examples import examples
from tests.trainings import run


@pytest.fixture
def takes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, float]], None]:
    """Says how many seconds each candidate takes; others take none."""

    def patched(seconds: Mapping[str, float]) -> None:
        for name in ("linear.v1", "lsa.v1", "forest.v1"):

            def estimate(workload: Workload, needed_s: float = seconds.get(name, 0.0)) -> Estimate:
                return Estimate(needed_s, 0, 0)

            monkeypatch.setattr(find_candidate(name), "estimate", estimate)

    return patched


@pytest.fixture
def eligible(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says which candidates are eligible."""

    def patched(*chosen: str) -> None:
        for name in CLASSES:

            def answer(workload: Workload, name: str = name) -> Eligible:
                return name in chosen, f"not {name}"

            monkeypatch.setattr(find_candidate(name), "eligible", answer)

    return patched


def test_what_would_take_too_long_is_skipped(tmp_path: Path, takes: Callable[[Mapping[str, float]], None]) -> None:
    takes({"forest.v1": 600.0, "linear.v1": 1.0})
    events, report = run(tmp_path, candidates=("forest.v1", "linear.v1"), minutes=5)
    assert [row.candidate for row in report.results] == ["linear.v1"]
    assert report.skipped[0].reason == "needs about 10 min, 5.0 min left"
    # The bar counts what is left: three folds, and all labels.
    steps = [event for event in events if isinstance(event, Step) and "measuring" not in event.what]
    assert [(step.done, step.total) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_cheapest_is_trained_even_if_there_is_time_for_none(
    tmp_path: Path, takes: Callable[[Mapping[str, float]], None]
) -> None:
    takes({"forest.v1": 900.0, "linear.v1": 600.0})
    events, report = run(tmp_path, candidates=("forest.v1", "linear.v1"), minutes=5)
    assert [row.candidate for row in report.results] == [report.model.candidate] == ["linear.v1"]
    assert [one.candidate for one in report.skipped] == ["forest.v1"]
    assert any(
        isinstance(event, Note) and "so linear.v1, which needs least, is trained anyway" in event.text
        for event in events
    )


def test_what_is_named_has_any_time_if_the_minutes_are_the_workspaces(
    tmp_path: Path, takes: Callable[[Mapping[str, float]], None], eligible: Callable[..., None]
) -> None:
    takes(dict.fromkeys(CLASSES, 1e6))
    eligible("forest.v1")
    _, report = run(tmp_path, candidates=("auto", "linear.v1"), minutes=5, is_named_any_time=True)
    assert [row.candidate for row in report.results] == ["linear.v1"]
    assert [one.candidate for one in report.skipped if one.needed_s] == ["forest.v1"]


def test_how_many_minutes_would_suffice_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_candidate("linear.v1"), "estimate", lambda _: Estimate(0.0, 0, 0))
    # A minute for each training, and three that are done once.
    monkeypatch.setattr(
        find_candidate("forest.v1"),
        "estimate",
        lambda workload: Estimate(60.0 * len(workload.learned) + 180, 0, 0),
    )
    _, report = run(tmp_path, candidates=("linear.v1", "forest.v1"), minutes=5, repeats=2)
    # Three folds, twice, and no training on all labels.
    assert report.skipped[0].reason.startswith("needs about 9.0 min")
    # Twice that, and what it took.
    assert report.enough_minutes in (18, 19)
    _, report = run(tmp_path, candidates=("linear.v1", "forest.v1"), minutes=report.enough_minutes, repeats=2)
    assert (report.skipped, report.enough_minutes) == ([], None)


def test_what_was_compared_before_takes_no_time(tmp_path: Path, takes: Callable[[Mapping[str, float]], None]) -> None:
    run(tmp_path, candidates=("linear.v1",))
    takes({"linear.v1": 1e6, "forest.v1": 1e6})
    _, report = run(tmp_path, candidates=("linear.v1", "forest.v1"), minutes=1)
    assert [row.candidate for row in report.results] == ["linear.v1"]


def test_auto_skips_what_is_not_eligible(tmp_path: Path, eligible: Callable[..., None]) -> None:
    eligible("linear.v1", "lsa.v1")
    _, report = run(tmp_path, candidates=("auto",))
    assert {row.candidate for row in report.results} >= {"linear.v1", "lsa.v1"}
    assert not {row.candidate for row in report.results} & {"forest.v1", "ulmfit.v1"}
    assert Skipped("ulmfit.v1", "not ulmfit.v1") in report.skipped


def test_auto_takes_what_is_saved_and_the_champions_kind_whether_eligible_or_not(
    tmp_path: Path, eligible: Callable[..., None]
) -> None:
    run(tmp_path, candidates=("forest.v1",))
    run(tmp_path, candidates=("lsa.v1",))
    eligible("linear.v1")
    _, again = run(tmp_path, candidates=("auto",))
    assert {row.candidate for row in again.results} - {"blend.v1"} == {"linear.v1", "lsa.v1", "forest.v1"}
    data = examples()
    _, other = run(tmp_path, replace(data, messages=data.messages[1:], labels=data.labels[1:]), candidates=("auto",))
    assert {row.candidate for row in other.results} - {"blend.v1"} == {"linear.v1", "forest.v1"}


def test_the_champions_kind_is_compared_even_if_nobody_named_it(tmp_path: Path) -> None:
    run(tmp_path, candidates=("forest.v1",))
    _, report = run(tmp_path, candidates=("linear.v1",))
    assert {row.candidate for row in report.results} == {"linear.v1", "forest.v1"}
    assert report.reference == "forest.v1"


def test_what_needs_more_memory_than_there_is_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.training.compare.FEW_LABELS", 0)
    monkeypatch.setattr("firstline.training.estimates.usable_memory_bytes", lambda own: 1_500_000_000)
    needed = {"linear.v1": 2_600_000_000, "forest.v1": 0}
    for name, size in needed.items():
        monkeypatch.setattr(find_candidate(name), "estimate", lambda workload, size=size: Estimate(1.0, size, 0))
    _, report = run(tmp_path, candidates=tuple(needed))
    assert [row.candidate for row in report.results] == ["forest.v1"]
    assert report.skipped[0].reason == ("needs about 2.6 GB of memory; 1.5 GB are available here")


def test_where_memory_suffices_for_none_the_first_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstline.training.compare.FEW_LABELS", 0)
    monkeypatch.setattr(find_candidate("linear.v1"), "estimate", lambda workload: Estimate(1.0, 10**15, 0))
    with pytest.raises(TrainingError, match=r"linear\.v1: needs about 1000000\.0 GB of memory"):
        run(tmp_path, candidates=("linear.v1",))
