"""Speeds are given here; what is tested is what they are multiplied with."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from firstline.errors import PoolTooSmall
from firstline.language_models import adapt, start
from firstline.language_models.network import Shape
from firstline.settings.model import UlmfitSettings
from firstline.steps import run_to_end
from firstline.training.candidates.ulmfit.knowledge import gather
from firstline.training.costs import counting, lessons, ulmfit
from firstline.training.costs.base import Workload
from firstline.training.costs.ulmfit import UlmfitCost
from firstline.training.costs.vectors import VectorsCost
from tests.unit.training.costs.workloads import workload

ONE_WAY = UlmfitSettings(language_model="none", encoder="none", directions=("forward",), adaptation_epochs=1)
SMALL = Shape(n_embedding=16, n_hidden=16, n_layers=1)


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten tokens a second for language models, a million for classifiers; whatever else is timed takes no time."""

    def timed(call: Callable[[], object]) -> tuple[float, object]:
        return 0.0, call()

    for module in (counting, lessons):
        monkeypatch.setattr(module, "timed", timed)
    monkeypatch.setattr(ulmfit, "language_model_speed", lambda *_: 10.0)
    monkeypatch.setattr(ulmfit, "classifier_speed", lambda *_: 1e6)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})


def with_settings(work: Workload, settings: UlmfitSettings, folder: Path | None = None) -> Workload:
    return replace(work, context=replace(work.context, ulmfit=settings, folder=folder))


def test_adaptation_takes_tokens_by_epochs_by_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapt, "_LEAST_BATCHES", 0)
    once, twice = (
        UlmfitCost().measure(with_settings(workload(2), ONE_WAY.model_copy(update={"adaptation_epochs": n}))).seconds
        for n in (1, 2)
    )
    assert once > 10
    assert twice == pytest.approx(2 * once, rel=0.02)


def test_two_directions_take_twice_as_long_on_one_core_and_no_longer_on_two(monkeypatch: pytest.MonkeyPatch) -> None:
    work = workload(2)
    both = ONE_WAY.model_copy(update={"directions": ("forward", "backward")})
    one = UlmfitCost().measure(with_settings(work, ONE_WAY))
    on_one_core = UlmfitCost().measure(with_settings(work, both))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    on_two_cores = UlmfitCost().measure(with_settings(work, both))
    assert on_one_core.seconds == pytest.approx(2 * one.seconds, rel=0.01)
    assert on_two_cores.seconds == pytest.approx(one.seconds, rel=0.01)
    assert on_two_cores.memory_bytes > on_one_core.memory_bytes + 100e6
    assert on_one_core.disk_bytes == 2 * one.disk_bytes


def test_a_language_model_that_is_kept_is_not_adapted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "OWN_SHAPE", SMALL)
    monkeypatch.setattr(adapt, "_LEAST_BATCHES", 0)
    work = with_settings(workload(2), ONE_WAY, tmp_path)
    due = UlmfitCost().measure(work).seconds
    run_to_end(gather(work.context, work.prepared))
    assert UlmfitCost().measure(work).seconds < due / 100


def test_vectors_count_where_there_is_an_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    without = UlmfitCost().measure(with_settings(workload(2), ONE_WAY))
    monkeypatch.setattr(ulmfit, "resolve_encoder", lambda *_: SimpleNamespace(name="fake", id="fake"))
    monkeypatch.setattr(VectorsCost, "of", lambda *_: VectorsCost(1_000.0, 5_000, 384))
    with_vectors = UlmfitCost().measure(with_settings(workload(2), ONE_WAY))
    assert with_vectors.seconds == pytest.approx(without.seconds + 1_000)
    assert with_vectors.disk_bytes == without.disk_bytes + 5_000


def test_an_expert_that_another_has_fine_tuned_before_is_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ulmfit, "FolderEncoder", SimpleNamespace)
    own = SimpleNamespace(name="fake", id="fake", folder=Path(__file__).parent)
    monkeypatch.setattr(ulmfit, "resolve_encoder", lambda *_: own)
    monkeypatch.setattr(ulmfit, "tuning_s", lambda *_: 500.0)
    monkeypatch.setattr(VectorsCost, "of", lambda *_: VectorsCost(0.0, 0, 384))
    work = with_settings(workload(2), ONE_WAY)
    shared = replace(work, before=("encoder.v1",))
    alone, sharing = (UlmfitCost().measure(one) for one in (work, shared))
    assert alone.seconds == pytest.approx(sharing.seconds + 500)
    assert alone.disk_bytes > sharing.disk_bytes
    # More trainings than are kept.
    alone_s, shared_s = (UlmfitCost().measure(replace(one, repeats=2)).seconds for one in (work, shared))
    assert alone_s == pytest.approx(shared_s)
    assert "the one of encoder.v1 too" in UlmfitCost().judge(replace(shared, data=workload(2, 5_000).data))[1]


def test_a_small_pool_makes_no_sense_without_a_pretrained_model() -> None:
    makes_sense, reason = UlmfitCost().judge(workload(2, n_unlabelled=1_000))
    assert not makes_sense
    assert "from 1,048 messages a language model learns no language (5,000 would do)" in reason


def test_a_large_pool_makes_sense_and_an_encoder_that_is_missing_is_named() -> None:
    makes_sense, reason = UlmfitCost().judge(workload(2, n_unlabelled=5_000))
    assert makes_sense
    assert "extra 'encoders'" in reason


@pytest.mark.parametrize("n_unlabelled", [0, 999])
def test_with_few_messages_without_a_label_it_makes_no_sense(n_unlabelled: int) -> None:
    makes_sense, reason = UlmfitCost().judge(workload(2, n_unlabelled=n_unlabelled))
    assert not makes_sense
    assert f"there are {n_unlabelled} messages without a label" in reason


def test_a_pool_too_small_to_adapt_to_is_refused() -> None:
    work = workload()
    few = replace(work, data=replace(work.data, messages=work.data.messages[:4], labels=["a", "a", "b", "b"]))
    with pytest.raises(PoolTooSmall, match="needs 10 messages"):
        UlmfitCost().judge(replace(few, data=replace(few.data, unlabelled=[])))
