import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from firstline.language_models.card import Shape
from firstline.language_models.network import Dropouts, LanguageNetwork
from firstline.language_models.perplexity import nats_per_token, perplexity
from firstline.text.tokenizer import PAD


def test_the_pieces_add_up_to_the_whole() -> None:
    torch.manual_seed(1)
    network = LanguageNetwork(Shape(6, 8, 2), 50, Dropouts(0.5, 0.5, 0.5, 0.5, 0.5))
    rows = np.random.default_rng(1).integers(PAD + 1, 50, (20, 150)).astype(np.int32)
    found = nats_per_token(network, rows)
    ids = torch.from_numpy(rows.astype(np.int64))
    network.reset()
    with torch.no_grad():
        logits = functional.linear(network(ids[:, :-1])[0], network.encoder.encoder.weight, network.bias)
        expected = float(functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()))
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_network_that_knows_nothing_is_as_perplexed_as_there_are_tokens() -> None:
    network = LanguageNetwork(Shape(6, 8, 2), 50, Dropouts(0, 0, 0, 0, 0))
    torch.nn.init.zeros_(network.encoder.encoder.weight)
    assert perplexity(nats_per_token(network, np.full((1, 9), 7, np.int32))) == pytest.approx(50)


def test_what_no_float_can_hold_is_infinite() -> None:
    assert perplexity(1e6) == math.inf
