"""How well a language model predicts text that it has not read."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from firstline.language_models.network import LanguageNetwork
from firstline.text.tokenizer import PAD

_ROWS_AT_A_TIME = 16
_STEPS_AT_A_TIME = 64
"""Together they bound the memory: a logit for each token and piece."""


def nats_per_token(network: LanguageNetwork, rows: NDArray[np.int32]) -> float:
    """The mean cross-entropy of the next token in `rows`, (n_rows, n_ids), over all tokens; padding does not count."""
    device = network.bias.device
    network.eval()
    total, n_tokens = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(rows), _ROWS_AT_A_TIME):
            ids = torch.from_numpy(rows[start : start + _ROWS_AT_A_TIME].astype(np.int64)).to(device)
            network.reset()
            for step in range(0, ids.shape[1] - 1, _STEPS_AT_A_TIME):
                targets = ids[:, step + 1 : step + _STEPS_AT_A_TIME + 1]
                states = network(ids[:, step : step + targets.shape[1]])[0]
                logits = functional.linear(states, network.encoder.encoder.weight, network.bias)
                total += float(
                    functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD, reduction="sum")
                )
                n_tokens += int((targets != PAD).sum())
    return total / max(n_tokens, 1)


def perplexity(nats: float) -> float:
    """`exp`, infinite where that is beyond a float."""
    return math.exp(nats) if nats < 700 else math.inf
