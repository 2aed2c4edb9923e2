"""Training on fastai's Learner, round by round, so that it can be watched, stopped and resumed.

A round is what is trained between two reports: an epoch, or a part of one. What happens in a round
depends on the seed, its number and the state at its start alone, so a training that goes on from a
checkpoint ends where an undisturbed one ends.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from fastai.callback.core import Callback, CancelFitException, TrainEvalCallback
from fastai.callback.rnn import ModelResetter, RNNCallback, RNNRegularizer
from fastai.callback.schedule import combined_cos
from fastai.callback.training import GradientClip
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import OptimWrapper
from torch import Tensor, nn

from firstline.errors import TrainingError

Batch = tuple[Tensor, Any]
"""Ids, (n_rows, n_ids), and what the loss compares the prediction with."""

Schedule = Callable[[float, int], float]
"""How many rounds are done, and how many there will be -> the share of the highest rate."""

_BETAS = (0.8, 0.99)
_EPSILON = 1e-7


class Rounds(Protocol):
    """What a training reads; `batches` is a pure function of the round's number."""

    def __len__(self) -> int: ...

    def batches(self, number: int) -> Sequence[Batch]: ...


@dataclass(frozen=True)
class Rates:
    """The learning rates: `highest` for the last group of parameters, each group before it `decay` times lower.

    With `head`, that is the rate of the last group, and `highest` that of the group before it.
    """

    highest: float
    decay: float = 1.0
    head: float | None = None

    def by_group(self, n_groups: int) -> list[float]:
        if self.head is not None:
            return [*Rates(self.highest, self.decay).by_group(n_groups - 1), self.head]
        return [self.highest / self.decay ** (n_groups - 1 - place) for place in range(n_groups)]


@dataclass(frozen=True)
class RoundDone:
    """Round `number` (from 0) is done: its mean loss, how many tokens it read and how long it took."""

    number: int
    loss: float
    n_tokens: int
    seconds: float


def one_cycle(warm_up: float = 0.25, start: float = 0.04, end: float = 1e-5) -> Schedule:
    """Up to the highest rate and down again, along cosines (Smith 2018, as fastai draws it)."""
    curve = combined_cos(warm_up, start, 1.0, end)
    return lambda n_done, n_rounds: float(curve(n_done / n_rounds))


class TrainingLoop:
    """One network on its way from round to round. `groups` lists parameters, those nearest the text first.

    `forgets_between_batches`:
    no batch goes on with the text of the one before. `is_language_model`: the network gives three
    values, as fastai's `RNNCallback` expects.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[..., Tensor],
        rounds: Rounds,
        groups: Sequence[Sequence[nn.Parameter]],
        rates: Rates,
        schedule: Schedule,
        seed: int,
        *,
        weight_decay: float = 0.01,
        clip: float = 1.0,
        is_language_model: bool = False,
        forgets_between_batches: bool = False,
        activation_penalties: tuple[float, float] = (0.0, 0.0),
        device: torch.device | None = None,
    ) -> None:
        self.network = network
        self.rounds = rounds
        self.seed = seed
        self.device = device or torch.device("cpu")
        self._loader = _Loader(rounds)
        self._loss = _Watched()
        self._pace = _Pace(schedule, rates.by_group(len(groups)), rounds)
        callbacks: list[Callback] = [TrainEvalCallback(), GradientClip(clip), self._loss, self._pace]
        if hasattr(network, "reset"):
            callbacks.append(ModelResetter())
        if forgets_between_batches:
            callbacks.append(_Forgetting())
        if is_language_model:
            callbacks.append(RNNCallback())
            if any(activation_penalties):
                callbacks.append(RNNRegularizer(*activation_penalties))
        self._products = _Products(self.device, in_bfloat16=has_fast_bfloat16(self.device))
        callbacks.append(self._products)
        self._learner = Learner(
            DataLoaders(self._loader, [], device=self.device),
            network.to(self.device),
            loss_func=loss,
            opt_func=lambda parameters, lr: _adam(parameters, lr, weight_decay),
            splitter=lambda _: [list(group) for group in groups],
            default_cbs=False,
            cbs=callbacks,
            wd=None,
            train_bn=False,
        )
        self._learner.create_opt()

    def run(self, start: int = 0) -> Iterator[RoundDone]:
        """Train the rounds from `start` on. Raises `TrainingError` if the loss is not a number any more."""
        for number in range(start, len(self.rounds)):
            started = time.perf_counter()
            self._loader.begin(number)
            self._pace.number = number
            self._loss.losses.clear()
            torch.manual_seed((self.seed * 1_000_003 + number) % 2**63)
            try:
                self._learner.fit(1, cbs=_OneRound())
            finally:
                self._products.close()
            loss = float(torch.stack(self._loss.losses).mean())
            if not math.isfinite(loss):
                raise TrainingError(
                    f"Training diverged: the loss is {loss} in round {number + 1}.", "Try a lower learning rate."
                )
            yield RoundDone(number, loss, self._loader.n_tokens, time.perf_counter() - started)

    def state(self) -> dict[str, Any]:
        """Weights and optimiser, for a checkpoint between rounds."""
        return {"network": self.network.state_dict(), "optimiser": self._learner.opt.opt.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self.network.load_state_dict(state["network"])
        self._learner.opt.opt.load_state_dict(state["optimiser"])


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether products of bfloat16 numbers are faster here than those of float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def _adam(parameters: Sequence[Sequence[nn.Parameter]], rate: float, weight_decay: float) -> OptimWrapper:
    return OptimWrapper(parameters, torch.optim.AdamW, lr=rate, betas=_BETAS, eps=_EPSILON, weight_decay=weight_decay)


class _Loader:
    """What fastai takes for a DataLoader: the batches of one round."""

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self._batches: Sequence[Batch] = []

    def begin(self, number: int) -> None:
        """Give the batches of this round from now on."""
        self._batches = self._rounds.batches(number)

    @property
    def n_tokens(self) -> int:
        return sum(ids.numel() for ids, _ in self._batches)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)


class _Watched(Callback):  # type: ignore[misc]
    """Keeps the losses of a round."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []

    def after_loss(self) -> None:
        # Not yet a number: that would make the processor wait for the GPU.
        self.losses.append(self.learn.loss.detach().float())


class _Pace(Callback):  # type: ignore[misc]
    """Sets the learning rates, by how much of the training is done before a batch."""

    order = 60

    def __init__(self, schedule: Schedule, highest: Sequence[float], rounds: Rounds) -> None:
        self.number = 0
        self._schedule = schedule
        self._highest = highest
        self._rounds = rounds

    def before_batch(self) -> None:
        share = self._schedule(self.number + self.iter / self.n_iter, len(self._rounds))
        self.opt.set_hyper("lr", [rate * share for rate in self._highest])


class _Forgetting(Callback):  # type: ignore[misc]
    """Each batch begins with the state of no text read."""

    order = 20

    def before_batch(self) -> None:
        self.learn.model.encoder.bs = len(self.learn.xb[0])
        self.learn.model.reset()


class _OneRound(Callback):  # type: ignore[misc]
    """Ends fastai's loop after one round, before it validates: the loop over rounds is ours."""

    order = 100

    def after_train(self) -> None:
        raise CancelFitException


class _Products(Callback):  # type: ignore[misc]
    """Products in bfloat16 on a processor that is fast at them; weights and sums stay float32."""

    order = 10

    def __init__(self, device: torch.device, *, in_bfloat16: bool) -> None:
        self._device_type = device.type
        self._in_bfloat16 = in_bfloat16
        self._context = ExitStack()

    def before_batch(self) -> None:
        if self._in_bfloat16:
            self._context.enter_context(torch.autocast(self._device_type, torch.bfloat16))

    def after_loss(self) -> None:
        self.close()

    def close(self) -> None:
        """Products are as they were again, also where a batch failed."""
        self._context.close()
