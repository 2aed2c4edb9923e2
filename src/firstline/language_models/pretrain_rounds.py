"""The training of a language model, schedule by schedule, from checkpoint to checkpoint."""

import sys
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from firstline.errors import LanguageModelUnusable, TrainingError
from firstline.language_models.card import read_card
from firstline.language_models.checkpoint import load_checkpoint, save_checkpoint
from firstline.language_models.mix import Mix
from firstline.language_models.network import LanguageNetwork, NextTokenLoss
from firstline.language_models.perplexity import nats_per_token, perplexity
from firstline.language_models.schedule import Pace, Schedule
from firstline.language_models.work_folder import WorkFolder
from firstline.neural.loop import Batch, Rates, RoundDone, TrainingLoop
from firstline.neural.memory import is_out_of_memory
from firstline.text.tokenizer import Tokenizer
from firstline.types import Direction

_STEP_TOKENS = 64
"""So far back the gradient reaches."""
_ACTIVATION_PENALTIES = (2.0, 1.0)
"""AR and TAR, as fastai's `language_model_learner` has them."""
_CLIP = 1.0
_ROUNDS_BETWEEN_PERPLEXITIES = 10
_SMALL_SAMPLE_TOKENS = 12_800


@dataclass(frozen=True)
class PretrainRound:
    """One round is done, `done` of about `total` in this schedule; `n_tokens` have been read since the very beginning.

    `loss` is the mean of the round in nats per token, with dropout. `perplexity`, now and then, is that on
    a small sample of text that is held out. `seconds_left` is of this schedule.
    """

    is_cool_down: bool
    done: int
    total: int
    n_tokens: int
    tokens_per_s: float
    seconds_left: float
    loss: float
    perplexity: float | None


@dataclass(frozen=True)
class Course:
    """What a schedule ended with: rounds since the very beginning, of them trunk rounds; its seconds."""

    n_rounds: int
    n_trunk: int
    seconds: float


class Chunks:
    """Rounds without end: each is a chunk of the mix, cut into batches whose states follow on each other.

    A backward network reads each row from its end.
    """

    def __init__(self, mix: Mix, direction: Direction) -> None:
        self.mix = mix
        self.tokens_per_round = mix.n_rows * (mix.row_tokens - 1)
        self._step = 1 if direction == "forward" else -1

    def __len__(self) -> int:
        return sys.maxsize

    @property
    def n_batches(self) -> int:
        return ceil((self.mix.row_tokens - 1) / _STEP_TOKENS)

    def batches(self, number: int) -> list[Batch]:
        ids = torch.from_numpy(self.mix.chunk(number)[:, :: self._step].astype(np.int64))
        last = self.mix.row_tokens - 1
        pieces = ((start, min(start + _STEP_TOKENS, last)) for start in range(0, last, _STEP_TOKENS))
        return [(ids[:, start:end], ids[:, start + 1 : end + 1]) for start, end in pieces]

    def validation(self, n_tokens: int) -> tuple[NDArray[np.int32], int]:
        """As `Mix.validation`, in the direction of reading."""
        rows, n_chars = self.mix.validation(n_tokens)
        return np.ascontiguousarray(rows[:, :: self._step]), n_chars


class Pretraining:
    """The training of `network`; `n_tokens` and `limit_s` bound the schedule. `purpose` is that of its checkpoints."""

    def __init__(
        self,
        network: LanguageNetwork,
        tokenizer: Tokenizer,
        work: WorkFolder,
        purpose: Mapping[str, Any],
        device: torch.device,
        *,
        n_tokens: int | None,
        limit_s: float | None,
        rate: float,
        n_negatives: int,
        seed: int,
        checkpoint_s: float,
    ) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.n_negatives = n_negatives
        self._work = work
        self._purpose = purpose
        self._device = device
        self._n_tokens = n_tokens
        self._limit_s = limit_s
        self._rate = rate
        self._seed = seed
        self._checkpoint_s = checkpoint_s
        self._kept_at = time.perf_counter()
        # Raises `CheckpointUnusable`, before anything else takes time.
        self._trunk = load_checkpoint(work.trunk, purpose)
        self._cool_down = load_checkpoint(work.cool_down, purpose)

    def n_rounds_done(self) -> int:
        """How many rounds earlier commands have done, without cool-downs that are finished."""
        n_trunk: int = self._trunk["n_rounds"] if self._trunk else 0
        if self._cool_down and self._cool_down["n_trunk"] == n_trunk and not self._is_finished(n_trunk):
            return int(self._cool_down["n_rounds"])
        return n_trunk

    def run(self, chunks: Chunks) -> Generator[PretrainRound, None, Course]:
        """Train the schedule that is not finished, or a new one. Raises `TrainingError`."""
        n_rounds = None if self._n_tokens is None else ceil(self._n_tokens / chunks.tokens_per_round)
        n_trunk: int = self._trunk["n_rounds"] if self._trunk else 0
        is_new = self._trunk is None or self._is_finished(n_trunk)
        start: int = n_trunk if is_new or not self._trunk else self._trunk["start"]
        schedule = Schedule(start, n_rounds, self._limit_s)
        clock = _Clock(0.0 if is_new or not self._trunk else self._trunk["seconds"])
        with _memory_explained(self._device):
            frequencies = torch.from_numpy(chunks.mix.frequencies(self.tokenizer.n_tokens)).float()
            loss = NextTokenLoss(self.network, frequencies, self.n_negatives)
            reports = _Reports(self.network, chunks, schedule, clock)
            n_trunk, state = yield from self._run_trunk(chunks, loss, schedule, n_trunk, clock, reports)
            n_rounds = yield from self._run_cool_down(chunks, loss, schedule, n_trunk, state, reports)
        return Course(n_rounds, n_trunk, clock.seconds)

    def _run_trunk(
        self,
        chunks: Chunks,
        loss: NextTokenLoss,
        schedule: Schedule,
        n_trunk: int,
        clock: "_Clock",
        reports: "_Reports",
    ) -> Generator[PretrainRound, None, tuple[int, dict[str, Any]]]:
        """The rounds that are done then, and the state after them."""
        training = self._training(chunks, loss, Pace(chunks.n_batches))
        if self._trunk:
            training.restore(self._trunk["training"])
        if not schedule.trunk_is_done(n_trunk, clock.seconds):
            for done in training.run(n_trunk):
                n_trunk, seconds = done.number + 1, clock.seconds
                is_done = schedule.trunk_is_done(n_trunk, seconds)
                if is_done or self._is_time_to_keep():
                    kept = {"n_rounds": n_trunk, "start": schedule.start, "seconds": seconds}
                    self._keep(self._work.trunk, {**kept, "training": training.state()})
                yield reports.after(done, end=None)
                if is_done:
                    break
        return n_trunk, training.state()

    def _run_cool_down(
        self, chunks: Chunks, loss: NextTokenLoss, schedule: Schedule, n_trunk: int, state: Any, reports: "_Reports"
    ) -> Generator[PretrainRound, None, int]:
        """The rounds that are done then; the network holds the weights of the language model."""
        n_cool_down = schedule.n_cool_down(n_trunk)
        first, end = n_trunk, n_trunk + n_cool_down
        kept = {"n_trunk": n_trunk, "n_cool_down": n_cool_down}
        if self._cool_down and kept.items() <= self._cool_down.items():
            first, state = self._cool_down["n_rounds"], self._cool_down["training"]
        training = self._training(chunks, loss, Pace(chunks.n_batches, n_trunk, n_cool_down))
        training.restore(state)
        if first < end:
            for done in training.run(first):
                is_done = done.number + 1 == end
                if is_done or self._is_time_to_keep():
                    self._keep(
                        self._work.cool_down, {**kept, "n_rounds": done.number + 1, "training": training.state()}
                    )
                yield reports.after(done, end)
                if is_done:
                    break
        return end

    def _training(self, chunks: Chunks, loss: NextTokenLoss, pace: Pace) -> TrainingLoop:
        return TrainingLoop(
            self.network,
            loss,
            chunks,
            [list(self.network.parameters())],
            Rates(self._rate),
            pace,
            self._seed,
            clip=_CLIP,
            is_language_model=True,
            activation_penalties=_ACTIVATION_PENALTIES,
            device=self._device,
        )

    def _is_finished(self, n_trunk: int) -> bool:
        """Whether the language model that is there was made from this trunk: every schedule makes the trunk longer."""
        try:
            return read_card(self._work.folder).settings.get("trunk_rounds") == n_trunk
        except LanguageModelUnusable:
            return False

    def _is_time_to_keep(self) -> bool:
        return time.perf_counter() - self._kept_at >= self._checkpoint_s

    def _keep(self, path: Path, state: Mapping[str, Any]) -> None:
        save_checkpoint(path, self._purpose, state)
        self._kept_at = time.perf_counter()


class _Clock:
    """The seconds of a schedule, over all commands that worked on it."""

    def __init__(self, seconds_before: float) -> None:
        self._started = time.perf_counter() - seconds_before

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started


class _Reports:
    """Makes the report of each round."""

    def __init__(self, network: LanguageNetwork, chunks: Chunks, schedule: Schedule, clock: _Clock) -> None:
        self._network = network
        self._chunks = chunks
        self._schedule = schedule
        self._clock = clock
        self._sample = chunks.validation(_SMALL_SAMPLE_TOKENS)[0]
        self._latest: deque[float] = deque(maxlen=_ROUNDS_BETWEEN_PERPLEXITIES)

    def after(self, round_: RoundDone, end: int | None) -> PretrainRound:
        """`end`: after how many rounds the cool-down ends that this one is of; None: it is one of the trunk."""
        self._latest.append(round_.seconds)
        round_s = sum(self._latest) / len(self._latest)
        n_rounds = round_.number + 1
        done = n_rounds - self._schedule.start
        expected = self._schedule.expected_rounds(done, self._clock.seconds)
        total = expected if end is None else end - self._schedule.start
        is_measured = n_rounds % _ROUNDS_BETWEEN_PERPLEXITIES == 0
        return PretrainRound(
            is_cool_down=end is not None,
            done=done,
            total=total,
            n_tokens=n_rounds * self._chunks.tokens_per_round,
            tokens_per_s=self._chunks.tokens_per_round / round_s,
            seconds_left=(total - done) * round_s,
            loss=round_.loss,
            perplexity=perplexity(nats_per_token(self._network, self._sample)) if is_measured else None,
        )


@contextmanager
def _memory_explained(device: torch.device) -> Iterator[None]:
    """Raises `TrainingError` if there is not enough memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        where = "of the GPU " if device.type == "cuda" else ""
        raise TrainingError(
            f"The memory {where}is not enough for this training.",
            "Start over with fewer --rows or --size small, or use a machine with more memory.",
        ) from None
