import pytest
import torch
from torch.nn import functional

from firstline.language_models.card import Shape
from firstline.language_models.network import LANGUAGE_MODEL_DROPOUTS, Dropouts, LanguageNetwork, NextTokenLoss
from firstline.text.tokenizer import PAD

SHAPE = Shape(n_embedding=6, n_hidden=8, n_layers=3)
NONE = Dropouts(0, 0, 0, 0, 0)
N_TOKENS = 300


@pytest.fixture
def network() -> LanguageNetwork:
    torch.manual_seed(1)
    return LanguageNetwork(SHAPE, N_TOKENS, NONE)


def uniform() -> torch.Tensor:
    return torch.full((N_TOKENS,), 1 / N_TOKENS)


def random_ids(n_rows: int, n_ids: int) -> torch.Tensor:
    return torch.randint(PAD + 1, N_TOKENS, (n_rows, n_ids))


def test_parameters_are_counted(network: LanguageNetwork) -> None:
    assert SHAPE.n_parameters(N_TOKENS) == sum(parameter.numel() for parameter in network.parameters())


def test_dropouts_are_scaled() -> None:
    assert LANGUAGE_MODEL_DROPOUTS.times(0.5).input == LANGUAGE_MODEL_DROPOUTS.input / 2


def test_states_follow_on_each_other_until_the_network_is_reset(network: LanguageNetwork) -> None:
    ids = random_ids(2, 8)
    network.eval()
    network.reset()
    whole = network(ids)[0]
    network.reset()
    halves = torch.cat([network(ids[:, :4])[0], network(ids[:, 4:])[0]], dim=1)
    torch.testing.assert_close(halves, whole)


def test_a_token_is_foretold_from_those_before_it(network: LanguageNetwork) -> None:
    ids = random_ids(1, 8)
    changed = ids.clone()
    changed[0, 5] = PAD + 1 if ids[0, 5] != PAD + 1 else PAD + 2
    network.eval()
    states = []
    for row in (ids, changed):
        network.reset()
        states.append(network(row)[0])
    assert torch.equal(states[0][:, :5], states[1][:, :5])
    assert not torch.equal(states[0][:, 5:], states[1][:, 5:])


def test_outside_training_the_loss_is_the_cross_entropy_over_all_tokens(network: LanguageNetwork) -> None:
    ids, targets = random_ids(3, 5), random_ids(3, 5)
    network.eval()
    states = network(ids)[0]
    logits = states @ network.encoder.encoder.weight.T + network.bias
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(NextTokenLoss(network, uniform(), 50)(states, targets), expected)


def test_the_sampled_loss_is_near_the_full_one_in_expectation(network: LanguageNetwork) -> None:
    network.encoder.encoder.weight.data.normal_()
    network.bias.data.normal_()
    frequencies = functional.softmax(2 * torch.randn(N_TOKENS), dim=0)
    sampled, full = (NextTokenLoss(network, frequencies, n_negatives) for n_negatives in (100, 0))
    network.train()
    losses = []
    with torch.no_grad():
        for _ in range(300):
            states = torch.randn(4, 6, SHAPE.n_embedding) / 2
            targets = torch.multinomial(frequencies, 24, replacement=True).reshape(4, 6)
            losses.append([sampled(states, targets), full(states, targets)])
    found, expected = torch.tensor(losses).mean(dim=0).tolist()
    assert found == pytest.approx(expected, rel=0.01)


def test_the_sampled_loss_is_exact_where_products_are_in_bfloat16(network: LanguageNetwork) -> None:
    network.encoder.encoder.weight.data.normal_()
    states, targets = 5 * torch.randn(4, 6, SHAPE.n_embedding), random_ids(4, 6)
    loss = NextTokenLoss(network, uniform(), 50)
    network.train()
    found = []
    for is_bfloat16 in (False, True):
        torch.manual_seed(2)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16):
            found.append(loss(states, targets))
    assert torch.equal(*found)


def test_with_all_tokens_sampled_the_loss_is_nearly_the_full_one(network: LanguageNetwork) -> None:
    states, targets = torch.randn(4, 6, SHAPE.n_embedding), random_ids(4, 6)
    full = NextTokenLoss(network, uniform(), 0)(states, targets)
    torch.testing.assert_close(NextTokenLoss(network, uniform(), 20_000)(states, targets), full)


@pytest.mark.parametrize("n_negatives", [0, 20_000])
def test_padding_is_not_foretold(network: LanguageNetwork, n_negatives: int) -> None:
    states, targets = torch.randn(2, 6, SHAPE.n_embedding), random_ids(2, 6)
    padded = targets.clone()
    padded[:, 3:] = PAD
    loss = NextTokenLoss(network, uniform(), n_negatives)
    torch.testing.assert_close(loss(states, padded), loss(states[:, :3], targets[:, :3]))
