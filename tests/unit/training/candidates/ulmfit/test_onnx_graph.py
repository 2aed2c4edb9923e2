import logging

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto

from firstline.training.candidates.ulmfit.onnx_graph import ClassifierWeights, build_graph, quantize
from tests.unit.training.candidates.ulmfit.weights import random_weights


def run(model: bytes, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["probabilities"], {"ids": ids})[0])


def reference(weights: ClassifierWeights, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """What PyTorch makes of the same weights, its two biases unequal parts of ours."""
    values = torch.from_numpy(weights.embedding.astype(np.float16).astype(np.float32)[ids])
    embedding = values
    with torch.no_grad():
        for layer in weights.layers:
            lstm = torch.nn.LSTM(layer.weight_ih.shape[1], layer.weight_hh.shape[1])
            stored = (layer.weight_ih, layer.weight_hh, layer.bias * 0.25, layer.bias * 0.75)
            for parameter, value in zip(lstm.parameters(), stored, strict=True):
                parameter.copy_(torch.from_numpy(value))
            values = lstm(values)[0]
        pooled = [values[-1], values.max(dim=0).values, values.mean(dim=0)]
        values = torch.cat([*pooled, embedding.max(dim=0).values, embedding.mean(dim=0)])
        head = weights.head
        values = torch.nn.functional.linear(values, torch.from_numpy(head.weight), torch.from_numpy(head.bias))
        return np.asarray(values.softmax(dim=0))


def random_ids(n: int, n_tokens: int = 200) -> list[NDArray[np.int64]]:
    random = np.random.default_rng(1)
    return [random.integers(0, n_tokens, length) for length in random.integers(1, 40, n)]


def constants(model: bytes) -> dict[str, onnx.TensorProto]:
    return {tensor.name: tensor for tensor in onnx.load_model_from_string(model).graph.initializer}


@pytest.mark.parametrize("n_ids", [1, 2, 3, 10, 60])
def test_graph_answers_as_pytorch_does(n_ids: int) -> None:
    weights = random_weights()
    ids = np.random.default_rng(n_ids).integers(0, 200, n_ids)
    found = run(build_graph(weights), ids)
    assert found.shape == (5,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference(weights, ids), atol=1e-5)


@pytest.mark.parametrize(("n_layers", "n_labels"), [(1, 2), (2, 30)])
def test_graph_may_be_of_any_depth(n_layers: int, n_labels: int) -> None:
    weights = random_weights(n_layers=n_layers, n_labels=n_labels)
    ids = np.array([1, 199, 0, 7])
    np.testing.assert_allclose(run(build_graph(weights), ids), reference(weights, ids), atol=1e-5)


def test_quantised_graph_answers_nearly_the_same() -> None:
    model = build_graph(random_weights())
    sessions = [onnxruntime.InferenceSession(m, providers=["CPUExecutionProvider"]) for m in (model, quantize(model))]
    exact, rounded = (np.stack([s.run(None, {"ids": ids})[0] for ids in random_ids(100)]) for s in sessions)
    assert len(set(exact.argmax(axis=1))) >= 3
    assert (exact.argmax(axis=1) == rounded.argmax(axis=1)).mean() >= 0.95
    assert 0 < np.abs(exact - rounded).mean() < 0.005


def test_quantised_lstm_weights_are_integers_that_no_processor_saturates() -> None:
    found = constants(quantize(build_graph(random_weights())))
    recurrent = onnx.numpy_helper.to_array(found["lstm_1_recurrent_quantized"])
    assert recurrent.dtype == np.int8
    assert np.abs(recurrent.astype(int)).max(axis=1).tolist() == [[64] * 96]


def test_lstm_layers_are_a_quarter_of_their_size_once_quantised() -> None:
    model = build_graph(random_weights(n_tokens=10, n_hidden=256))
    assert len(quantize(model)) < 0.3 * len(model)


def test_embedding_is_stored_in_16_bits_and_the_dense_layer_stays_exact() -> None:
    model = build_graph(random_weights())
    for found in (constants(model), constants(quantize(model))):
        assert found["embedding"].data_type == TensorProto.FLOAT16
        dense = [tensor for name, tensor in found.items() if name.startswith("dense_")]
        assert len(dense) == 2
        assert {tensor.data_type for tensor in dense} == {TensorProto.FLOAT}


def test_same_weights_give_the_same_bytes() -> None:
    model = build_graph(random_weights())
    assert build_graph(random_weights()) == model
    assert quantize(model) == quantize(model)
    assert build_graph(random_weights(seed=1)) != model


def test_old_runtimes_can_read_both_graphs() -> None:
    exact = build_graph(random_weights())
    for content in (exact, quantize(exact)):
        model = onnx.load_model_from_string(content)
        assert model.ir_version == 7
        assert {item.domain: item.version for item in model.opset_import}.items() <= {
            "": 13,
            "com.microsoft": 1,
        }.items()
        assert (model.producer_name, model.producer_version, len(model.metadata_props)) == ("firstline", "", 0)


def test_quantising_says_nothing(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.WARNING)
    quantize(build_graph(random_weights()))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
