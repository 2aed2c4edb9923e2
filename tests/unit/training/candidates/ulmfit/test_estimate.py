"""When `ulmfit.v1` makes sense, and what its estimate is made of."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from firstline.errors import PoolTooSmall
from firstline.language_models import adapt
from firstline.steps import run_to_end
from firstline.training.candidates import estimate as estimate_module
from firstline.training.candidates.encoder.candidate import FineTuned
from firstline.training.candidates.estimate import Estimate, Workload
from firstline.training.candidates.ulmfit import estimate as module
from firstline.training.candidates.ulmfit.candidate import Ulmfit
from firstline.training.candidates.ulmfit.shared_inputs import gather
from tests.unit.training.candidates.workloads import workload

pytestmark = pytest.mark.usefixtures("small_shape")


def with_settings(work: Workload, folder: Path | None = None, **settings: object) -> Workload:
    chosen = {"language_model": "none", "encoder": "none", "directions": ("forward",), **settings}
    context = replace(work.context, folder=folder, chosen={"ulmfit.v1": chosen})
    return replace(work, context=context)


@pytest.fixture
def networks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher takes nothing, and each reading of the clock is a second later."""
    now = iter(range(1_000))
    monkeypatch.setattr(module, "teaching", lambda *_: Estimate(0.0, 0, 0))
    monkeypatch.setattr(estimate_module, "processor_s", lambda: float(next(now)))
    monkeypatch.setattr(module, "n_usable_cores", lambda: 1)
    monkeypatch.setattr(adapt, "_LEAST_BATCHES", 0)


def test_adaptation_takes_tokens_by_epochs(networks_only: None) -> None:
    none, once, thrice = (Ulmfit.estimate(with_settings(workload(2), adaptation_epochs=n)).seconds for n in (0, 1, 3))
    assert once > none > 0
    assert thrice - none == pytest.approx(3 * (once - none))


def test_classifiers_take_their_members_and_epochs(networks_only: None) -> None:
    one, two = (Ulmfit.estimate(with_settings(workload(2), adaptation_epochs=0, n_members=n)).seconds for n in (1, 2))
    assert two == pytest.approx(2 * one)


def test_two_directions_take_twice_as_long_on_one_core_and_no_longer_on_two(
    networks_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = with_settings(workload(2), directions=("forward", "backward"))
    one = Ulmfit.estimate(with_settings(workload(2)))
    on_one_core = Ulmfit.estimate(both)
    monkeypatch.setattr(module, "n_usable_cores", lambda: 2)
    on_two_cores = Ulmfit.estimate(both)
    assert on_one_core.seconds == pytest.approx(2 * one.seconds)
    assert on_two_cores.seconds == pytest.approx(one.seconds)
    assert on_two_cores.memory_bytes > on_one_core.memory_bytes + 100e6
    assert on_one_core.disk_bytes == 2 * one.disk_bytes


def test_a_language_model_that_is_kept_is_not_adapted_again(tmp_path: Path, networks_only: None) -> None:
    work = with_settings(workload(2), tmp_path)
    due = Ulmfit.estimate(work).seconds
    run_to_end(gather(work.context, work.prepared))
    assert Ulmfit.estimate(work).seconds < due


def test_an_expert_that_another_has_fine_tuned_before_is_not_counted_again(
    networks_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FolderEncoder", SimpleNamespace)
    own = SimpleNamespace(name="fake", id="fake", folder=Path(__file__).parent)
    monkeypatch.setattr(module, "find_encoder", lambda *_: own)
    monkeypatch.setattr(module, "readers", lambda *_: ())
    monkeypatch.setattr(module, "encoding", lambda *_, **__: Estimate(0.0, 0, 0))
    monkeypatch.setattr(FineTuned, "tuning", lambda *_: Estimate(500.0, 0, 1_000))
    work = with_settings(workload(2), adaptation_epochs=0)
    shared = replace(work, before=("encoder.v1",))
    alone, sharing = (Ulmfit.estimate(one) for one in (work, shared))
    assert alone.seconds == pytest.approx(sharing.seconds + 500)
    assert alone.disk_bytes == sharing.disk_bytes + 1_000
    assert "the one of encoder.v1 too" in Ulmfit.eligible(replace(shared, data=workload(2, 5_000).data))[1]


def test_a_real_estimate_has_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapt, "_LEAST_BATCHES", 4)
    found = Ulmfit.estimate(with_settings(workload(2, n_unlabelled=20)))
    assert found.seconds > 0
    assert found.memory_bytes > found.disk_bytes > 0


def test_a_small_pool_makes_no_sense_without_a_pretrained_model() -> None:
    makes_sense, reason = Ulmfit.eligible(workload(2, n_unlabelled=1_000))
    assert not makes_sense
    assert "cannot learn a language from 1,048 messages (5,000 would be enough)" in reason


def test_a_large_pool_makes_sense_and_an_encoder_that_is_missing_is_named() -> None:
    makes_sense, reason = Ulmfit.eligible(workload(2, n_unlabelled=5_000))
    assert makes_sense
    assert "extra 'encoders'" in reason


@pytest.mark.parametrize("n_unlabelled", [0, 999])
def test_with_few_messages_without_a_label_it_makes_no_sense(n_unlabelled: int) -> None:
    makes_sense, reason = Ulmfit.eligible(workload(2, n_unlabelled=n_unlabelled))
    assert not makes_sense
    assert f"has only {n_unlabelled} unlabelled messages" in reason


def test_a_pool_too_small_to_adapt_to_is_refused() -> None:
    work = workload()
    few = replace(work.data, messages=work.data.messages[:4], labels=["a", "a", "b", "b"], unlabelled=[])
    with pytest.raises(PoolTooSmall, match="needs 10 messages"):
        Ulmfit.eligible(replace(work, data=few))
