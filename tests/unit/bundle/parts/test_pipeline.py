from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from firstline.bundle.parts import load_part
from firstline.bundle.parts.pipeline import TfidfPipeline
from firstline.bundle.parts.tfidf import NgramBlock, Tfidf
from firstline.errors import BundleDamaged

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
    TfidfPipeline(TFIDF, TO_COMPONENTS, graph(), N_LABELS).save(tmp_path)
    return tmp_path


def test_probabilities_are_those_of_the_components(saved: Path) -> None:
    part = load_part("tfidf_pipeline.v1", saved, N_LABELS)
    found = part.predict_proba(TEXTS)
    places, values = TFIDF.features(TEXTS[1])
    scores = values @ TO_COMPONENTS[places].astype(np.float32) @ WEIGHTS
    np.testing.assert_allclose(found[1], np.exp(scores) / np.exp(scores).sum(), rtol=1e-5)
    np.testing.assert_allclose(found[2:], 1 / 3, rtol=1e-6)
    assert part.reads == "ruled"


def test_several_threads_may_ask(saved: Path) -> None:
    part = load_part("tfidf_pipeline.v1", saved, N_LABELS)
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
        load_part("tfidf_pipeline.v1", saved, N_LABELS)


def test_a_missing_graph_is_refused_by_name(saved: Path) -> None:
    (saved / "pipeline.onnx").unlink()
    with pytest.raises(BundleDamaged, match=r"pipeline\.onnx"):
        load_part("tfidf_pipeline.v1", saved, N_LABELS)


@pytest.mark.parametrize("wrong", [TO_COMPONENTS[:2], TO_COMPONENTS.astype(np.float32), TO_COMPONENTS * np.nan])
def test_components_that_do_not_fit_are_refused_by_name(saved: Path, wrong: NDArray[np.float16]) -> None:
    np.save(saved / "to_components.npy", wrong)
    with pytest.raises(BundleDamaged, match=r"to_components\.npy"):
        load_part("tfidf_pipeline.v1", saved, N_LABELS)
