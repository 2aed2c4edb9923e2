from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from firstline.errors import TrainingError
from firstline.neural import loop
from firstline.neural.loop import Batch, Rates, RoundDone, TrainingLoop, one_cycle


class Line(nn.Module):
    """A weight and a bias; fastai resets what it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.2)
        self.layer = nn.Linear(3, 1)

    def reset(self) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(self.dropout(x))
        return y


class Numbers:
    """Four rounds of two batches."""

    def __len__(self) -> int:
        return 4

    def batches(self, number: int) -> Sequence[Batch]:
        random = torch.Generator().manual_seed(number)
        xs = torch.randn(2, 8, 3, generator=random)
        return [(x, x.sum(dim=1, keepdim=True)) for x in xs]


class Rising:
    """A schedule that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, int]] = []

    def __call__(self, n_done: float, n_rounds: int) -> float:
        self.asked.append((n_done, n_rounds))
        return 1.0


def training(schedule: object = None, seed: int = 0, rate: float = 1e-2) -> TrainingLoop:
    torch.manual_seed(0)
    network = Line()
    return TrainingLoop(
        network,
        functional.mse_loss,
        Numbers(),
        [[network.get_parameter("layer.weight")], [network.get_parameter("layer.bias")]],
        Rates(rate, decay=2.0),
        schedule or one_cycle(),  # type: ignore[arg-type]
        seed,
    )


def first(rounds: Iterator[RoundDone], n: int) -> list[RoundDone]:
    return [next(rounds) for _ in range(n)]


def test_each_group_before_the_last_learns_slower() -> None:
    assert Rates(8.0, decay=2.0).by_group(3) == [2.0, 4.0, 8.0]


def test_one_cycle_goes_up_and_down_again() -> None:
    schedule = one_cycle(warm_up=0.25)
    assert schedule(0.0, 8) == pytest.approx(0.04)
    assert schedule(2.0, 8) == pytest.approx(1.0)
    assert schedule(8.0, 8) == pytest.approx(1e-5)


def test_rounds_are_told() -> None:
    rounds = list(training().run())
    assert [done.number for done in rounds] == [0, 1, 2, 3]
    assert {done.n_tokens for done in rounds} == {48}
    assert all(done.loss > 0 for done in rounds)


def test_training_lowers_the_loss() -> None:
    rounds = list(training(rate=0.3).run())
    assert rounds[-1].loss < rounds[0].loss


def test_a_schedule_is_asked_for_the_rounds_that_are_done_of_all() -> None:
    schedule = Rising()
    list(training(schedule).run(start=2))
    assert schedule.asked == [(done, 4) for done in (2.0, 2.5, 3.0, 3.5)]


def test_a_rate_of_zero_changes_nothing() -> None:
    still = training(lambda *_: 0.0)
    before = still.network.state_dict()["layer.weight"].clone()
    list(still.run())
    assert torch.equal(still.network.state_dict()["layer.weight"], before)


@pytest.mark.parametrize("n_done", [1, 2, 3])
def test_a_training_that_goes_on_from_its_state_ends_as_an_undisturbed_one(n_done: int) -> None:
    undisturbed = training()
    rounds = list(undisturbed.run())
    stopped = training()
    first(stopped.run(), n_done)
    resumed = training(seed=0)
    resumed.restore(stopped.state())
    assert [done.loss for done in resumed.run(n_done)] == [done.loss for done in rounds[n_done:]]
    for name, tensor in undisturbed.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], tensor)


def test_another_seed_drops_out_other_values() -> None:
    assert next(training(seed=1).run()).loss != next(training(seed=2).run()).loss


def test_a_loss_that_is_no_number_is_an_error() -> None:
    broken = training()
    with torch.no_grad():
        broken.network.get_parameter("layer.weight").fill_(float("nan"))
    with pytest.raises(TrainingError, match="Training diverged: the loss is nan in round 1"):
        next(broken.run())


def test_a_batch_that_fails_leaves_products_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "has_fast_bfloat16", lambda device: True)
    broken = training()
    seen = []

    def fail(*_: object) -> Tensor:
        seen.append(torch.is_autocast_enabled("cpu"))
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Line, "forward", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        next(broken.run())
    assert seen == [True]
    assert not torch.is_autocast_enabled("cpu")
