"""A sentence-transformers model as an ONNX graph with int8 weights, and what is done with such a graph."""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_OPSET, _IR_VERSION = 17, 8
_PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}
_TABLE, _SCALES = "table", "table_scales"
_GREATEST = 127


def vector_graph(model: "SentenceTransformer") -> bytes:
    """An ONNX model: `ids`, int64 (1, n_ids) -> `vector`, float32 (1, n_dimensions), with int8 weights.

    Every module of the folder is in it: the transformer, pooling, dense layers, normalisation.
    """
    return _quantized(_traced(model), model)


def with_head(graph: bytes, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> bytes:
    """The same graph with classes on top: `ids` -> `probabilities`, float32 (1, n_labels).

    `weights` (n_dimensions, n_labels), `bias` (n_labels,).
    """
    model = onnx.load_model_from_string(graph)
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.ascontiguousarray(weights, np.float32), "head_weights"),
            numpy_helper.from_array(np.ascontiguousarray(bias, np.float32), "head_bias"),
        ]
    )
    model.graph.node.extend(
        [
            helper.make_node("Gemm", ["vector", "head_weights", "head_bias"], ["head_scores"], "head"),
            helper.make_node("Softmax", ["head_scores"], ["probabilities"], "softmax", axis=1),
        ]
    )
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(bias)]))
    return _serialised(model)


def with_rows(graph: bytes, kept: NDArray[np.int64]) -> bytes:
    """The same graph with these rows of the word embedding alone, (n_kept,): id i is what `kept[i]` was."""
    model = onnx.load_model_from_string(graph)
    for constant in model.graph.initializer:
        if constant.name in (_TABLE, _SCALES):
            rows = np.ascontiguousarray(numpy_helper.to_array(constant)[kept])
            constant.CopyFrom(numpy_helper.from_array(rows, constant.name))
    return _serialised(model)


def _traced(model: "SentenceTransformer") -> bytes:
    import torch
    from torch import Tensor, nn

    class Whole(nn.Module):
        """All modules, one after the other, for one text: there is no padding, so the mask is ones."""

        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleList(list(model))

        def forward(self, ids: Tensor) -> Tensor:
            features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            for part in self.parts:
                features = part(features)
            return features["sentence_embedding"].float()

    example = torch.arange(2, 9).unsqueeze(0)
    # The exporter by tracing warns that there is another, which needs onnxscript.
    with warnings.catch_warnings(), torch.no_grad(), TemporaryDirectory(prefix="firstline-") as folder:
        warnings.simplefilter("ignore")
        file = Path(folder, "traced.onnx")
        torch.onnx.export(
            Whole().eval(),
            (example,),
            file,
            input_names=["ids"],
            output_names=["vector"],
            dynamic_axes={"ids": {1: "n_ids"}},
            opset_version=_OPSET,
            dynamo=False,
        )
        return file.read_bytes()


def _quantized(graph: bytes, source: "SentenceTransformer") -> bytes:
    """int8 weights: a scale a row of the word embedding, a scale a column of each product; activations at run time.

    Products use seven of the eight bits: without VNNI, ONNX Runtime's 8-bit products saturate, and
    one model would answer differently on different processors.
    """
    # Here, since it costs time that reading a graph need not.
    from onnxruntime.quantization import quantize_dynamic

    model = onnx.load_model_from_string(graph)
    _shrink_table(model, _word_embedding(source))
    helper.set_model_props(model, _PREPARED)
    with TemporaryDirectory(prefix="firstline-") as folder:
        whole, small = Path(folder, "whole.onnx"), Path(folder, "small.onnx")
        onnx.save_model(model, whole)
        quantize_dynamic(
            whole,
            small,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=True,
            extra_options={"MatMulConstBOnly": True},
        )
        model = onnx.load_model(small)
    del model.metadata_props[:]
    del model.graph.value_info[:]
    return _serialised(model)


def _word_embedding(source: "SentenceTransformer") -> NDArray[np.float32]:
    transformer: Any = source[0]
    return np.asarray(transformer.auto_model.get_input_embeddings().weight.detach().numpy(), np.float32)


def _shrink_table(model: onnx.ModelProto, table: NDArray[np.float32]) -> None:
    """Gather int8 rows and multiply them by their scales, instead of gathering float32 rows of `table`."""
    graph = model.graph
    gathers = [node for node in graph.node if node.op_type == "Gather"]
    constants = {item.name: item for item in graph.initializer if list(item.dims) == list(table.shape)}
    gather = next(
        node
        for node in gathers
        if node.input[0] in constants and np.array_equal(numpy_helper.to_array(constants[node.input[0]]), table)
    )
    constant = constants[gather.input[0]]
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-9) / _GREATEST
    rows = np.rint(table / scales).astype(np.int8)
    graph.initializer.remove(constant)
    graph.initializer.extend(
        [numpy_helper.from_array(rows, _TABLE), numpy_helper.from_array(scales.astype(np.float32), _SCALES)]
    )
    ids, output = gather.input[1], gather.output[0]
    place = list(graph.node).index(gather)
    graph.node.remove(gather)
    new = [
        helper.make_node("Gather", [_TABLE, ids], ["table_rows"], axis=0),
        helper.make_node("Cast", ["table_rows"], ["table_values"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [_SCALES, ids], ["table_row_scales"], axis=0),
        helper.make_node("Mul", ["table_values", "table_row_scales"], [output]),
    ]
    for offset, node in enumerate(new):
        graph.node.insert(place + offset, node)


def _serialised(model: onnx.ModelProto) -> bytes:
    """The bytes of a model that passes ONNX's own check, signed by Firstline alone."""
    model.producer_name, model.producer_version, model.doc_string = "firstline", "", ""
    for node in model.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
