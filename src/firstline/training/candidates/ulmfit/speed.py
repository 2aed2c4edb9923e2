"""How fast this machine trains the networks of `ulmfit.v1`, by some twenty batches of random tokens."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from firstline.language_models.adapt import AdaptSettings
from firstline.language_models.network import LANGUAGE_MODEL_DROPOUTS, LanguageNetwork, NextTokenLoss, Shape
from firstline.language_models.reading import MessageRounds
from firstline.neural.loop import Rates, Training, one_cycle
from firstline.text.tokenizer import PAD
from firstline.training.candidates.soft_labels import SoftLabelLoss
from firstline.training.candidates.ulmfit.classifier import ClassifierSettings
from firstline.training.candidates.ulmfit.network import CLASSIFIER_DROPOUTS, ClassifierNetwork

_N_BATCHES, _MOST_TOKENS = 20, 8_000


def language_model_speed(shape: Shape, n_tokens: int, lengths: Sequence[int], max_rows: int, n_threads: int) -> float:
    """Tokens a second, padding counted, of an adaptation in batches of `max_rows` messages of such lengths."""
    network = LanguageNetwork(shape, n_tokens, LANGUAGE_MODEL_DROPOUTS)
    rounds = _rounds(lengths, n_tokens, max_rows, lambda _, ids: (ids[:, :-1], ids[:, 1:]))
    loss = NextTokenLoss(network, torch.full((n_tokens,), 1 / n_tokens), AdaptSettings.n_negatives)
    groups = [[*network.encoder.encoder.parameters(), network.bias]]
    groups += [list(rnn.parameters()) for rnn in network.encoder.rnns]
    return _speed(network, loss, rounds, groups, n_threads, is_language_model=True)


def classifier_speed(
    shape: Shape, n_tokens: int, n_labels: int, lengths: Sequence[int], max_rows: int, n_threads: int
) -> float:
    """Tokens a second, padding counted, of a classifier's training."""
    network = ClassifierNetwork(shape, n_tokens, n_labels, CLASSIFIER_DROPOUTS, ClassifierSettings.n_head)
    # As `targets_of` makes them: a distribution, its weight, and whether a person gave it.
    even = torch.cat([torch.full((n_labels,), 1 / n_labels), torch.ones(2)])
    rounds = _rounds(lengths, n_tokens, max_rows, lambda places, ids: (ids, even.expand(len(places), -1)))
    return _speed(network, SoftLabelLoss(0.0), rounds, network.groups(), n_threads, is_language_model=False)


def _rounds(
    lengths: Sequence[int],
    n_tokens: int,
    max_rows: int,
    target: Callable[[NDArray[np.int64], Tensor], tuple[Tensor, Any]],
) -> MessageRounds:
    """Rounds over rows of random tokens; the first warms up."""
    random = np.random.default_rng(0)
    n_rows = int(min(_N_BATCHES * max_rows, max(2, _MOST_TOKENS // max(float(np.mean(lengths)), 1.0))))
    drawn = random.choice(np.maximum(lengths, 2), n_rows)
    rows = [random.integers(PAD + 1, n_tokens, length) for length in drawn]
    return MessageRounds(rows, target, n_epochs=1, seed=0, rounds_per_epoch=4, max_rows=min(max_rows, n_rows // 4 or 1))


def _speed(
    network: nn.Module,
    loss: Callable[..., Tensor],
    rounds: MessageRounds,
    groups: Sequence[Sequence[nn.Parameter]],
    n_threads: int,
    *,
    is_language_model: bool,
) -> float:
    with _threads(n_threads):
        training = Training(
            network,
            loss,
            rounds,
            groups,
            Rates(1e-3),
            one_cycle(),
            0,
            is_language_model=is_language_model,
            forgets_between_batches=is_language_model,
        )
        done = list(training.run())
    counted = done[1:] or done
    return sum(one.n_tokens for one in counted) / max(sum(one.seconds for one in counted), 1e-9)


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
