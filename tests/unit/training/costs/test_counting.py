"""Figures on a clock of our own: what is tested is how a sample is scaled, not how fast this machine is."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from firstline.bundle.files import size_bytes
from firstline.store.messages import Labelled
from firstline.training.candidates.forest import Forest
from firstline.training.candidates.linear import Linear
from firstline.training.costs import counting
from firstline.training.costs.base import CostModel, Workload
from firstline.training.costs.counting import ForestCost, LinearCost, LsaCost, Regressed, labelled_sample
from firstline.types import Message
from tests.unit.training.costs.workloads import CONTEXT, workload


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is timed takes a second."""

    def timed(call: Callable[[], object]) -> tuple[float, object]:
        return 1.0, call()

    monkeypatch.setattr(counting, "timed", timed)


def test_a_workload_in_the_sample_costs_what_was_measured() -> None:
    work = workload(2, folds=2)
    n = work.n_labelled
    counting_s = (n / 2 * 2 + n + n) / n
    regression_s = 2 * 0.5**2 + 1
    assert LinearCost().measure(work).seconds == pytest.approx(counting_s + regression_s)


def test_regression_grows_with_the_square() -> None:
    assert Regressed(1.0, 100).at(300) == pytest.approx(9)


def test_a_sample_that_is_smaller_than_the_labels_is_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = LinearCost().measure(workload(4)).seconds
    monkeypatch.setattr(counting, "N_LABELLED", 48)
    assert LinearCost().measure(workload(4)).seconds > 2 * whole


def test_more_folds_take_longer() -> None:
    for model in (LinearCost(), LsaCost(), ForestCost()):
        assert model.measure(workload(folds=4)).seconds > 1.3 * model.measure(workload(folds=2)).seconds


def test_the_pool_costs_lsa_and_not_linear() -> None:
    small, large = workload(2, n_unlabelled=24), workload(2, n_unlabelled=400)
    assert LsaCost().measure(large).memory_bytes > LsaCost().measure(small).memory_bytes
    assert LinearCost().measure(large).seconds == LinearCost().measure(small).seconds


def test_lsa_makes_no_sense_without_a_pool() -> None:
    makes_sense, reason = LsaCost().judge(workload(2, n_unlabelled=6))
    assert not makes_sense
    assert "6 messages without a label" in reason
    assert f"beside {workload(2).n_labelled} labels it takes {workload(2).n_labelled // 2}" in reason
    assert LsaCost().judge(workload(2, n_unlabelled=40))[0]


@pytest.mark.parametrize("kind", [Linear, Forest])
def test_disk_is_what_an_export_takes(kind: type[Linear] | type[Forest]) -> None:
    work = workload(4)
    fitted = kind(CONTEXT.rules).fit(work.data.messages, work.data.labels, [])
    with TemporaryDirectory() as folder:
        fitted.export(Path(folder))
        real = size_bytes(Path(folder))
    model = LinearCost() if kind is Linear else ForestCost()
    assert 0.6 * real < model.measure(work).disk_bytes < 1.6 * real


@pytest.mark.parametrize("model", [LinearCost(), LsaCost(), ForestCost()])
def test_messages_that_share_no_word_can_be_measured(model: CostModel) -> None:
    texts = ["абвгд", "ежзий", "клмно", "прсту"]
    pool = [Message("фхцчш"), Message("щъыьэ")]
    work = Workload(Labelled([Message(text) for text in texts], ["a", "b", "a", "b"], pool, 0), CONTEXT, 2)
    assert model.measure(work).seconds > 0


def test_a_sample_has_two_classes_where_the_labels_have() -> None:
    labels = ["a"] * 99 + ["b"]
    work = Workload(Labelled([Message(str(place)) for place in range(100)], labels, [], 0), CONTEXT, 5)
    messages, drawn = labelled_sample(work, 3)
    assert set(drawn) == {"a", "b"}
    assert Message("99") in messages
