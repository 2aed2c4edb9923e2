import sys

import pytest

from firstline.errors import install_hint
from firstline.evaluation.serving_cost import resident_bytes
from firstline.store.messages import Labelled
from firstline.training.budget import enough_minutes
from firstline.training.candidates import CLASSES
from firstline.training.candidates.estimate import Eligible, Estimate, Workload
from firstline.training.candidates.linear import Linear
from firstline.training.estimates import Estimated, eligible, estimates
from firstline.types import Message
from tests.unit.training.candidates.workloads import CONTEXT, workload


class Cheap(Linear):
    """A candidate that measures nothing."""

    name = "cheap.v1"
    seen: tuple[str, ...] = ()

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        return workload.n_labelled > 30, "by the number of labels"

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        cls.seen = workload.before
        return Estimate(2.0, 3, 4)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLASSES, "cheap.v1", f"{__name__}:Cheap")


def test_a_candidate_has_what_it_says(cheap: None) -> None:
    assert list(estimates(["cheap.v1"], workload(2))) == [
        Estimated("cheap.v1", True, "by the number of labels", 2.0, 3, 4)
    ]


def test_what_makes_no_sense_still_has_its_figures(cheap: None) -> None:
    (found,) = estimates(["cheap.v1"], workload(1))
    assert (found.makes_sense, found.seconds) == (False, 2.0)


def test_a_candidate_knows_who_comes_before_it(cheap: None) -> None:
    list(estimates(["linear.v1", "oracle.v1", "cheap.v1"], workload(2)))
    assert Cheap.seen == ("linear.v1",)


def test_a_name_given_twice_is_measured_once(cheap: None) -> None:
    assert len(list(estimates(["cheap.v1", "cheap.v1"], workload()))) == 1


def test_an_unknown_candidate_has_a_reason_and_no_figures() -> None:
    (found,) = estimates(["oracle.v1"], workload())
    known = f"There is no candidate 'oracle.v1'. Known: {', '.join(CLASSES)}"
    assert found == Estimated("oracle.v1", False, known)


def test_a_missing_extra_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "firstline.training.candidates.forest", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    (found,) = estimates(["forest.v1"], workload())
    assert not found.makes_sense
    assert found.reason.endswith(install_hint("'firstline[train]'"))
    assert found.seconds is None


def test_too_few_labels_are_said_of_every_candidate() -> None:
    thin = Workload(Labelled([Message("а"), Message("б")], ["x", "x"], [], 0), CONTEXT, 5)
    for found in estimates(CLASSES, thin):
        assert not found.makes_sense
        assert "at least two classes" in found.reason
        assert found.seconds is None


def test_whatever_a_candidate_raises_is_its_reason(cheap: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(cls: type[Cheap], workload: Workload) -> Eligible:
        raise RuntimeError("text of a message")

    monkeypatch.setattr(Cheap, "eligible", classmethod(fail))
    makes_sense, reason = eligible("cheap.v1", workload())
    assert not makes_sense
    assert reason.startswith("RuntimeError in test_estimates.py")


def test_enough_is_twice_the_estimate_and_what_is_known() -> None:
    assert enough_minutes(60.0, 120.0) == 4


def test_this_process_holds_some_memory() -> None:
    assert 20e6 < resident_bytes() < 100e9


def test_what_does_not_fit_into_the_memory_makes_no_sense(cheap: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.training.estimates.usable_memory_bytes", lambda own: 50_000)
    found = next(estimates(["linear.v1"], workload(2)))
    assert not found.makes_sense
    assert "GB of memory; 0.0 GB are available here" in found.reason
    assert found.memory_bytes
