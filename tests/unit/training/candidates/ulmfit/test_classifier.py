from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from firstline.language_models.model import LanguageModel
from firstline.language_models.reading import pad
from firstline.neural.loop import RoundDone
from firstline.steps import run_to_end
from firstline.training.candidates.ulmfit.classifier import (
    plain_weights,
    train_classifier,
)
from firstline.training.candidates.ulmfit.network import CLASSIFIER_DROPOUTS, ClassifierNetwork
from firstline.training.candidates.ulmfit.onnx_graph import build_graph, quantize
from firstline.training.candidates.ulmfit.settings import UlmfitSettings
from tests.unit.language_models.messages import pretrained

N_LABELS = 3
QUICK = UlmfitSettings(n_epochs=4, max_rows=16, rate=2e-2)
NO_SOFT = np.zeros((0, N_LABELS), np.float32)


def messages(n_messages: int, seed: int = 0) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Rows of ids, and labels that one of the ids tells."""
    random = np.random.default_rng(seed)
    labels = np.arange(n_messages) % N_LABELS
    bodies = [random.integers(8, 28, length) for length in random.integers(1, 20, n_messages)]
    return [np.array([1, 4 + label, *body]) for body, label in zip(bodies, labels, strict=True)], labels


def trained(
    model: LanguageModel,
    settings: UlmfitSettings = QUICK,
    seed: int = 0,
    soft_labels: NDArray[np.float32] = NO_SOFT,
) -> tuple[list[RoundDone], ClassifierNetwork]:
    """Trained on 120 messages, of which those at the end have soft labels."""
    rows, labels = messages(120)
    done: list[RoundDone] = []
    steps = train_classifier(model, rows, labels[: 120 - len(soft_labels)], N_LABELS, soft_labels, settings, seed)
    network = run_to_end(steps, done.append)
    return done, network


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    torch.manual_seed(1)
    return pretrained()


@pytest.fixture(scope="module")
def network(model: LanguageModel) -> ClassifierNetwork:
    return trained(model)[1]


def logits(network: ClassifierNetwork, rows: list[NDArray[np.int64]]) -> NDArray[np.float32]:
    with torch.no_grad():
        return np.concatenate([network(pad(rows[start : start + 64])) for start in range(0, len(rows), 64)])


def run(graph: bytes, rows: list[NDArray[np.int64]]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.stack([session.run(None, {"ids": row})[0] for row in rows])


def test_it_learns_what_tells_the_class(network: ClassifierNetwork) -> None:
    rows, labels = messages(300, seed=1)
    assert (logits(network, rows).argmax(axis=1) == labels).mean() > 0.9


def test_the_graph_answers_as_the_network_does(network: ClassifierNetwork) -> None:
    rows, _ = messages(400, seed=1)
    expected = torch.from_numpy(logits(network, rows)).softmax(dim=1).numpy()
    found = run(build_graph(plain_weights(network)), rows)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.999
    # The embedding is rounded to 16 bits.
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_the_quantised_graph_names_the_same_classes(network: ClassifierNetwork) -> None:
    rows, _ = messages(400, seed=1)
    found = run(quantize(build_graph(plain_weights(network))), rows)
    assert (found.argmax(axis=1) == logits(network, rows).argmax(axis=1)).mean() >= 0.99


def test_batch_norm_is_folded_into_the_dense_layer(model: LanguageModel) -> None:
    torch.manual_seed(2)
    network = ClassifierNetwork(model.shape, model.tokenizer.n_tokens, N_LABELS, CLASSIFIER_DROPOUTS).eval()
    for name, tensor in network.head.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 * ("running_var" in name))
    values = torch.randn(20, 5 * model.shape.n_embedding)
    dense = plain_weights(network).head
    found = values.numpy() @ dense.weight.T + dense.bias
    np.testing.assert_allclose(found, network.head(values).detach().numpy(), atol=1e-4)


def test_what_never_varies_says_nothing(network: ClassifierNetwork) -> None:
    norm = next(layer for layer in network.head.modules() if isinstance(layer, torch.nn.BatchNorm1d))
    seen: list[torch.Tensor] = []
    hook = norm.register_forward_pre_hook(lambda _, values: seen.append(values[0]))
    logits(network, messages(120)[0])
    hook.remove()
    features = torch.cat(seen)
    is_constant = features.std(dim=0) < 1e-6
    assert is_constant.any()
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    normed = (features - mean) / torch.sqrt(variance + norm.eps)
    assert normed[:, is_constant].abs().max() < 1e-2


def test_padding_does_not_change_an_answer(network: ClassifierNetwork) -> None:
    rows, _ = messages(30)
    alone = np.concatenate([logits(network, [row]) for row in rows])
    np.testing.assert_allclose(logits(network, rows), alone, atol=1e-4)


def test_same_seed_same_weights(model: LanguageModel) -> None:
    one, two, other = (trained(model, seed=seed)[1].state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["encoder.encoder.weight"], other["encoder.encoder.weight"])


def test_rounds_are_epochs(model: LanguageModel) -> None:
    rounds, _ = trained(model)
    assert [done.number for done in rounds] == [0, 1, 2, 3]
    assert rounds[-1].loss < rounds[0].loss


def test_soft_labels_are_learned_like_labels(model: LanguageModel) -> None:
    rows, labels = messages(120)
    soft_labels = np.eye(N_LABELS, dtype=np.float32)[labels[12:]]
    _, network = trained(model, replace(QUICK, n_epochs=8), soft_labels=soft_labels)
    assert (logits(network, rows).argmax(axis=1) == labels).mean() > 0.9


def test_without_soft_labels_or_many_messages_it_learns_all_the_same(model: LanguageModel) -> None:
    rows, labels = messages(3)
    network = run_to_end(train_classifier(model, rows, labels, N_LABELS, NO_SOFT, QUICK, 0))
    assert isinstance(network, ClassifierNetwork)
    assert np.isfinite(logits(network, rows)).all()
