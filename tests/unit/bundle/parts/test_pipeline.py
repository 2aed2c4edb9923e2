from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, load_model_from_string, numpy_helper
from onnx.external_data_helper import set_external_data

from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts import load_part
from firstline.bundle.parts.head import Head
from firstline.bundle.parts.pipeline import PipelineGraph, TfidfPipeline, VectorPipeline, open_head, vectors_by
from firstline.bundle.parts.tfidf import NgramBlock, Tfidf
from firstline.errors import BundleDamaged
from firstline.text.readings import Reading

N_LABELS, N_COMPONENTS = 3, 2
TEXTS = ("карта", "перевод карта карта", "", "неведомое")
TFIDF = Tfidf([NgramBlock("word", 1, 1)], [["карта", "перевод", "вход"]], np.array([1.0, 2.0, 1.5], np.float32))
TO_COMPONENTS = np.random.default_rng(0).normal(size=(3, N_COMPONENTS)).astype(np.float16)
WEIGHTS = np.random.default_rng(1).normal(size=(N_COMPONENTS, N_LABELS)).astype(np.float32)


def graph(weights: NDArray[np.float32] = WEIGHTS, last: str = "Softmax", name: str = "components") -> bytes:
    nodes = [
        helper.make_node("MatMul", [name, "weights"], ["scores"]),
        helper.make_node(last, ["scores"], ["probabilities"]),
    ]
    components = helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, len(weights)])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, weights.shape[1]])
    made = helper.make_graph(
        nodes, "pipeline", [components], [probabilities], [numpy_helper.from_array(weights, "weights")]
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    TfidfPipeline(TFIDF, TO_COMPONENTS, PipelineGraph(graph(), N_COMPONENTS, N_LABELS)).save(tmp_path)
    return tmp_path


def test_probabilities_are_those_of_the_components(saved: Path) -> None:
    part = load_part("tfidf_pipeline.v1", PartFiles(saved), N_LABELS)
    found = part.predict_proba(TEXTS)
    places, values = TFIDF.features(TEXTS[1])
    scores = values @ TO_COMPONENTS[places].astype(np.float32) @ WEIGHTS
    np.testing.assert_allclose(found[1], np.exp(scores) / np.exp(scores).sum(), rtol=1e-5)
    np.testing.assert_allclose(found[2:], 1 / 3, rtol=1e-6)
    assert part.reads == "ruled"


def test_several_threads_may_ask(saved: Path) -> None:
    part = load_part("tfidf_pipeline.v1", PartFiles(saved), N_LABELS)
    expected = part.predict_proba(TEXTS)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: part.predict_proba(TEXTS), range(20)):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"no graph",
        graph(WEIGHTS[:, :2]),
        graph(np.ones((3, N_LABELS), np.float32)),
        graph(last="Identity"),
        graph(name="other"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused_by_name(saved: Path, wrong: bytes) -> None:
    (saved / "pipeline.onnx").write_bytes(wrong)
    with pytest.raises(BundleDamaged, match=r"pipeline\.onnx"):
        load_part("tfidf_pipeline.v1", PartFiles(saved), N_LABELS)


def test_weights_in_another_file_are_refused(saved: Path) -> None:
    model = load_model_from_string(graph())
    set_external_data(model.graph.initializer[0], "weights.bin", 0, WEIGHTS.nbytes)
    (saved / "weights.bin").write_bytes(WEIGHTS.tobytes())
    model.graph.initializer[0].ClearField("raw_data")
    (saved / "pipeline.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BundleDamaged, match=r"pipeline\.onnx is damaged"):
        load_part("tfidf_pipeline.v1", PartFiles(saved), N_LABELS)


def test_a_missing_graph_is_refused_by_name(saved: Path) -> None:
    (saved / "pipeline.onnx").unlink()
    with pytest.raises(BundleDamaged, match=r"pipeline\.onnx"):
        load_part("tfidf_pipeline.v1", PartFiles(saved), N_LABELS)


@pytest.mark.parametrize("wrong", [TO_COMPONENTS[:2], TO_COMPONENTS.astype(np.float32), TO_COMPONENTS * np.nan])
def test_components_that_do_not_fit_are_refused_by_name(saved: Path, wrong: NDArray[np.float16]) -> None:
    np.save(saved / "to_components.npy", wrong)
    with pytest.raises(BundleDamaged, match=r"to_components\.npy"):
        load_part("tfidf_pipeline.v1", PartFiles(saved), N_LABELS)


VECTORS = np.random.default_rng(2).normal(0.3, 0.1, size=(len(TEXTS), 16)).astype(np.float32)


class Encoder:
    """Gives each text its vector, with a head on top."""

    kind = "word_vectors.v1"
    reads: Reading = "written"

    def __init__(self, head: Head) -> None:
        self.head = head

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.head(VECTORS[[TEXTS.index(text) for text in texts]])

    def save(self, folder: Path) -> None:
        (folder / "encoder.json").write_text("{}")


def test_vectors_come_through_an_open_head_but_for_their_mean() -> None:
    found = vectors_by(Encoder(open_head(VECTORS)), TEXTS)
    size = np.sqrt((VECTORS**2).mean())
    np.testing.assert_allclose(found, (VECTORS - VECTORS.mean(axis=1, keepdims=True)) / size, atol=1e-5)


def test_a_score_too_low_for_a_probability_is_still_a_number() -> None:
    vectors = np.zeros((len(TEXTS), 16), np.float32)
    vectors[:, 0] = 100
    head = Head(np.eye(16, dtype=np.float32) * 1e3, np.zeros(16, np.float32))
    assert np.isfinite(vectors_by(Encoder(head), TEXTS)).all()


def test_a_pipeline_over_vectors_maps_what_comes_through(tmp_path: Path) -> None:
    weights = np.random.default_rng(3).normal(size=(16, N_LABELS)).astype(np.float32)
    encoder = Encoder(open_head(VECTORS))
    part = VectorPipeline(encoder, PipelineGraph(graph(weights), 16, N_LABELS), 16)
    part.save(tmp_path)
    opened = VectorPipeline.load(PartFiles(tmp_path), N_LABELS, {Encoder.kind: lambda folder, n_dimensions: encoder})
    scores = vectors_by(encoder, TEXTS) @ weights
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(opened.predict_proba(TEXTS), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    ["", "[]", '{"encoder": "linear.v1", "n_dimensions": 16}', '{"encoder": "word_vectors.v1", "n_dimensions": 0}'],
)
def test_a_description_that_does_not_fit_is_refused_by_name(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "pipeline.json").write_text(wrong)
    with pytest.raises(BundleDamaged, match=r"pipeline\.json"):
        load_part("vector_pipeline.v1", PartFiles(tmp_path), N_LABELS)
