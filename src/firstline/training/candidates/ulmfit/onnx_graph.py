"""The weights of an ULMFiT classifier as an ONNX graph, and that graph with small integers for weights.

Written node by node with `onnx.helper`: the same weights give the same bytes under every version of
PyTorch, and the graph holds nothing that an old ONNX Runtime does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

_OPSET, _IR_VERSION = 13, 7
_PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}


@dataclass(frozen=True)
class LstmLayer:
    """One layer as PyTorch has it: rows in the order of the gates i, f, g, o.

    `weight_ih` (4 * n_hidden, n_in), `weight_hh` (4 * n_hidden, n_hidden) and `bias` (4 * n_hidden,),
    which is the sum of PyTorch's two.
    """

    weight_ih: NDArray[np.float32]
    weight_hh: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class Dense:
    """One dense layer: `weight` (n_out, n_in), `bias` (n_out,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class ClassifierWeights:
    """A classifier that reads in one direction, its batch norm folded into the dense layer.

    `embedding` (n_tokens, n_embedding). `head` takes 3 * n_hidden values of the last LSTM layer and
    2 * n_embedding of the embedding.
    """

    embedding: NDArray[np.float32]
    layers: tuple[LstmLayer, ...]
    head: Dense


def build_graph(weights: ClassifierWeights) -> bytes:
    """An ONNX model: `ids`, int64 (n_ids,), at least one -> `probabilities`, float32 (n_labels,).

    Pools as ULMFiT does: the last hidden state, the maximum and the mean over time (Howard and Ruder
    2018, section 3.3), then the maximum and the mean of the embedding. The embedding is stored as
    float16, all else as float32.
    """
    graph = _Graph()
    graph.constant("embedding", weights.embedding.astype(np.float16))
    graph.constant("first_axis", np.array([0], np.int64))
    graph.constant("second_axis", np.array([1], np.int64))
    gathered = graph.node("Gather", ["embedding", "ids"], "gathered", axis=0)
    embedded = graph.node("Cast", [gathered], "embedded", to=TensorProto.FLOAT)
    sequence = graph.node("Unsqueeze", [embedded, "second_axis"], "sequence")
    embedding, last = sequence, sequence
    for place, layer in enumerate(weights.layers):
        sequence, last = _add_lstm(graph, f"lstm_{place}", layer, sequence)
    pooled = _add_pooling(graph, embedding, sequence, last)
    weight = graph.constant("dense_0_weight", weights.head.weight.astype(np.float32))
    bias = graph.constant("dense_0_bias", weights.head.bias.astype(np.float32))
    logits = graph.node("Gemm", [pooled, weight, bias], "dense_0", transB=1)
    softmax = graph.node("Softmax", [logits], "softmax", axis=1)
    graph.node("Squeeze", [softmax, "first_axis"], "probabilities")
    return graph.model(n_labels=len(weights.head.bias))


def quantize(model: bytes) -> bytes:
    """The same model with int8 weights in its LSTM layers, a scale a row; activations at run time.

    Seven of the eight bits are used: without VNNI, ONNX Runtime's 8-bit products saturate, and one
    model would answer differently on different processors. The dense layer stays float32: it is
    small, and would cost as much agreement as the LSTM layers do.
    """
    prepared = onnx.load_model_from_string(model)
    helper.set_model_props(prepared, _PREPARED)
    with TemporaryDirectory(prefix="firstline-") as folder:
        source, target = Path(folder, "source.onnx"), Path(folder, "target.onnx")
        onnx.save_model(prepared, source)
        quantize_dynamic(source, target, op_types_to_quantize=["LSTM"], per_channel=True, reduce_range=True)
        quantized = onnx.load_model(target)
    quantized.ClearField("metadata_props")
    quantized.graph.ClearField("value_info")
    return _serialised(quantized)


class _Graph:
    """Nodes and constants, in the order in which they are added."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, *others: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output, *others], output, **attributes))
        return output

    def model(self, n_labels: int) -> bytes:
        graph = helper.make_graph(
            self._nodes,
            "classifier",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n_ids"])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [n_labels])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        return _serialised(model)


def _add_lstm(graph: _Graph, name: str, layer: LstmLayer, sequence: str) -> tuple[str, str]:
    """(n_ids, 1, n_in) -> all hidden states, (n_ids, 1, n_hidden), and the last, (1, 1, n_hidden)."""
    bias = _onnx_gates(layer.bias)
    weights = {
        "input": _onnx_gates(layer.weight_ih),
        "recurrent": _onnx_gates(layer.weight_hh),
        "bias": np.concatenate([bias, np.zeros_like(bias)]),
    }
    constants = [graph.constant(f"{name}_{kind}", value[np.newaxis]) for kind, value in weights.items()]
    last = f"{name}_last"
    states = graph.node("LSTM", [sequence, *constants], f"{name}_states", last, hidden_size=layer.weight_hh.shape[1])
    return graph.node("Squeeze", [states, "second_axis"], f"{name}_sequence"), last


def _onnx_gates(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows in PyTorch's order of gates, i f g o, in that of ONNX, i o f g."""
    i, f, g, o = np.split(rows.astype(np.float32), 4)
    return np.concatenate([i, o, f, g])


def _add_pooling(graph: _Graph, embedding: str, sequence: str, last: str) -> str:
    """(n_ids, 1, n_embedding), (n_ids, 1, n_hidden) and (1, 1, n_hidden) -> (1, 3 * n_hidden + 2 * n_embedding)."""
    pooled = [graph.node("Squeeze", [last, "first_axis"], "last")]
    for kind, values in (("states", sequence), ("embedding", embedding)):
        pooled.append(graph.node("ReduceMax", [values], f"{kind}_maximum", axes=[0], keepdims=0))
        pooled.append(graph.node("ReduceMean", [values], f"{kind}_mean", axes=[0], keepdims=0))
    return graph.node("Concat", pooled, "pooled", axis=1)


def _serialised(model: onnx.ModelProto) -> bytes:
    """The bytes of a model that passes ONNX's own check, signed by Firstline alone."""
    model.producer_name, model.producer_version = "firstline", ""
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
