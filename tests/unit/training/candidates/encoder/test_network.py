import math

import numpy as np
import pytest
import torch

from firstline.training.candidates.encoder.network import TuningLoss, TuningNetwork, contrastive_loss
from firstline.training.encoders.opening import open_folder
from tests.encoders import small_encoder


@pytest.fixture(scope="module")
def network() -> TuningNetwork:
    return TuningNetwork(open_folder(small_encoder()), n_labels=3, pad=0, dropout=0.1).eval()


def test_padding_changes_nothing(network: TuningNetwork) -> None:
    short, padded = torch.tensor([[101, 2023, 102]]), torch.tensor([[101, 2023, 102, 0, 0]])
    with torch.no_grad():
        torch.testing.assert_close(network(short)[0], network(padded)[0], atol=1e-4, rtol=1e-3)


def test_embeddings_stay_and_every_layer_learns(network: TuningNetwork) -> None:
    frozen = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
    assert frozen
    assert all("embeddings" in name for name in frozen)
    groups = network.groups()
    assert len(groups) == 6 + 1
    learned = {id(parameter) for group in groups for parameter in group}
    assert learned == {id(parameter) for parameter in network.parameters() if parameter.requires_grad}


def test_the_head_for_unscaled_vectors_gives_the_same_probabilities(network: TuningNetwork) -> None:
    with torch.no_grad():
        scores, vectors = network(torch.tensor([[101, 2023, 102]]))
    found = network.trained_head()((vectors / network.scale).numpy())
    np.testing.assert_allclose(found, scores.softmax(dim=1).numpy(), atol=1e-5)


def test_contrastive_loss_is_low_where_classes_stand_apart() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    apart = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    mixed = apart[[0, 2, 1, 3]]
    assert contrastive_loss(apart, labels, 0.1) < 0.01 < contrastive_loss(mixed, labels, 0.1)


def test_contrastive_loss_by_hand() -> None:
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    found = contrastive_loss(vectors, torch.tensor([0, 0, 1]), 1.0)
    assert found.item() == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-5)


def test_contrastive_loss_without_a_pair_is_zero() -> None:
    assert contrastive_loss(torch.randn(3, 4), torch.tensor([0, 1, 2]), 0.1).item() == 0


def test_weights_of_classes_and_of_the_contrastive_loss_count() -> None:
    scores, vectors = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    labels = torch.tensor([0, 1])
    plain = TuningLoss(0.0, 0.0, 0.1, torch.ones(2))((scores, vectors), labels)
    heavy = TuningLoss(0.0, 0.0, 0.1, torch.tensor([1.0, 3.0]))((scores, vectors), labels)
    assert heavy > plain
    same = torch.tensor([1, 1])
    without = TuningLoss(0.0, 0.0, 0.1, torch.ones(2))((scores, vectors), same)
    beside = TuningLoss(0.0, 0.5, 0.1, torch.ones(2))((scores, vectors), same)
    expected = 0.5 * contrastive_loss(vectors, same, 0.1)
    torch.testing.assert_close(beside - without, expected)
