import math

import numpy as np
import pytest
import torch

from firstline.training.candidates.encoder.network import TuningLoss, TuningNetwork, contrastive_loss, fast_attention
from firstline.training.candidates.soft_labels import SoftLabelLoss, targets_of
from firstline.training.encoders.opening import open_folder
from tests.encoders import N_LAYERS, small_encoder


@pytest.fixture(scope="module")
def network() -> TuningNetwork:
    return TuningNetwork(open_folder(small_encoder()), n_labels=3, pad=0, dropout=0.1).eval()


def test_padding_changes_nothing(network: TuningNetwork) -> None:
    short, padded = torch.tensor([[2, 50, 3]]), torch.tensor([[2, 50, 3, 0, 0]])
    with torch.no_grad():
        torch.testing.assert_close(network(short)[0], network(padded)[0], atol=1e-4, rtol=1e-3)


def test_embeddings_stay_and_every_layer_learns(network: TuningNetwork) -> None:
    frozen = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
    assert frozen
    assert all("embeddings" in name for name in frozen)
    groups = network.groups()
    assert len(groups) == N_LAYERS + 1
    learned = {id(parameter) for group in groups for parameter in group}
    assert learned == {id(parameter) for parameter in network.parameters() if parameter.requires_grad}


def test_the_head_for_unscaled_vectors_gives_the_same_probabilities(network: TuningNetwork) -> None:
    with torch.no_grad():
        scores, vectors = network(torch.tensor([[2, 50, 3]]))
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


def test_the_contrastive_loss_is_among_labels_by_people() -> None:
    scores, vectors = torch.tensor([[2.0, 0.0]] * 3), torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    target = torch.from_numpy(targets_of(np.array([1, 1]), 2, np.array([[0.5, 0.5]], np.float32), 0.1))
    without, beside = (TuningLoss(weight, 0.1)((scores, vectors), target) for weight in (0.0, 0.5))
    expected = 0.5 * contrastive_loss(vectors[:2], torch.tensor([1, 1]), 0.1)
    torch.testing.assert_close(beside - without, expected)
    torch.testing.assert_close(without, SoftLabelLoss()(scores, target))


def test_a_batch_without_a_label_by_people_has_no_contrastive_loss() -> None:
    target = torch.from_numpy(targets_of(np.zeros(0, np.int64), 2, np.full((2, 2), 0.5, np.float32), 0.1))
    found = torch.zeros(2, 2), torch.randn(2, 4)
    torch.testing.assert_close(TuningLoss(0.5, 0.1)(found, target), SoftLabelLoss()(found[0], target))


def test_fast_attention_gives_the_same_vectors_and_leaves_the_model_as_it_was() -> None:
    model = open_folder(small_encoder())
    network = TuningNetwork(model, n_labels=3, pad=0, dropout=0.1).eval()
    (transformer,) = (part for part in model.modules() if type(part).__name__ == "BertModel")
    ids = torch.tensor([[2, 50, 3], [2, 3, 0]])
    with torch.no_grad():
        plain = network(ids)[0]
        with fast_attention(model):
            assert transformer.config._attn_implementation == "eager"
            torch.testing.assert_close(network(ids)[0], plain, atol=1e-4, rtol=1e-3)
    assert transformer.config._attn_implementation == "sdpa"
    assert {part.p for part in model.modules() if isinstance(part, torch.nn.Dropout)} == {0.1}
