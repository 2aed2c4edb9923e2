import sys
from collections.abc import Iterator

import pytest

from firstline.errors import install_hint
from firstline.evaluation.serving_cost import resident_bytes
from firstline.store.messages import Labelled
from firstline.training import costs
from firstline.training.candidates import NAMES
from firstline.training.costs import estimates, together
from firstline.training.costs.base import Cost, Estimate, Workload
from firstline.types import Message
from tests.unit.training.costs.workloads import CONTEXT, workload


class Cheap:
    """A cost model that measures nothing."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        return workload.n_labelled > 30, "by the number of labels"

    def measure(self, workload: Workload) -> Cost:
        return Cost(2.0, 3, 4)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(costs._MODELS, "linear.v1", f"{__name__}:Cheap")
    yield


def test_every_candidate_has_a_cost_model() -> None:
    assert set(costs.NAMES) == set(NAMES)


def test_a_candidate_has_what_its_model_says(cheap: None) -> None:
    assert list(estimates(["linear.v1"], workload(2))) == [
        Estimate("linear.v1", True, "by the number of labels", 2.0, 3, 4)
    ]


def test_what_makes_no_sense_still_has_its_figures(cheap: None) -> None:
    (found,) = estimates(["linear.v1"], workload(1))
    assert (found.makes_sense, found.seconds) == (False, 2.0)


def test_a_name_given_twice_is_measured_once(cheap: None) -> None:
    assert len(list(estimates(["linear.v1", "linear.v1"], workload()))) == 1


def test_an_unknown_candidate_has_a_reason_and_no_figures() -> None:
    (found,) = estimates(["oracle.v1"], workload())
    assert found == Estimate("oracle.v1", False, f"There is no candidate 'oracle.v1'. Known: auto, {', '.join(NAMES)}")


def test_a_candidate_without_a_cost_model_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(costs._MODELS, "linear.v1")
    assert list(estimates(["linear.v1"], workload())) == [Estimate("linear.v1", True, "what it costs is not known")]


def test_a_missing_extra_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "firstline.training.candidates.forest", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    (found,) = estimates(["forest.v1"], workload())
    assert not found.makes_sense
    assert found.reason.endswith(install_hint("'firstline[train]'"))
    assert found.seconds is None


def test_too_few_labels_are_said_of_every_candidate() -> None:
    thin = Workload(Labelled([Message("а"), Message("б")], ["x", "x"], [], 0), CONTEXT, 5)
    for found in estimates(NAMES, thin):
        assert not found.makes_sense
        assert "at least two classes" in found.reason
        assert found.seconds is None


def test_parts_add_up_but_for_memory() -> None:
    parts = [Estimate("a", True, "", 2.0, 30, 4), Estimate("b", True, "", 3.0, 20, 5)]
    assert together("blend.v1", parts) == Estimate("blend.v1", True, "", 5.0, 30, 9)


def test_a_part_without_figures_leaves_the_whole_without() -> None:
    parts = [Estimate("a", True, "", 2.0, 30, 4), Estimate("b", False, "too small")]
    assert together("blend.v1", parts) == Estimate("blend.v1", False, "not known of b")


def test_this_process_holds_some_memory() -> None:
    assert 20e6 < resident_bytes() < 100e9
