import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import sentencepiece
from numpy.typing import NDArray
from onnx import TensorProto, helper

from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts import load_part
from firstline.bundle.parts.lstm import PooledLstm, UnfitGraph
from firstline.errors import BundleDamaged
from firstline.text.tokenizer import Tokenizer
from firstline.training.candidates.ulmfit.onnx_graph import ClassifierWeights, build_graph, quantize
from firstline.types import Direction
from tests.unit.training.candidates.ulmfit.weights import random_weights

N_LABELS = 5
BOTH: tuple[Direction, ...] = ("forward", "backward")
TEXTS = ("xxseg_lead где моя карта", "перевод не дошёл до банка", "банкомат", "", "xxmask_phone " * 30)


@cache
def tokenizer() -> Tokenizer:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 3),
        model_writer=model,
        vocab_size=50,
        hard_vocab_limit=False,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=3,
        minloglevel=2,
    )
    return Tokenizer(model.getvalue(), ["xxseg_lead", "xxmask_phone"])


def weights(n_labels: int = N_LABELS, seed: int = 0) -> ClassifierWeights:
    return random_weights(n_tokens=tokenizer().n_tokens, n_labels=n_labels, seed=seed)


@cache
def graph(direction: Direction) -> bytes:
    return build_graph(weights(seed=0 if direction == "forward" else 1))


def part(*directions: Direction, max_tokens: int = 400) -> PooledLstm:
    graphs = {direction: [graph(direction)] for direction in directions or BOTH}
    return PooledLstm(tokenizer(), graphs, max_tokens, N_LABELS)


def run(direction: Direction, ids: list[int]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(graph(direction), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"ids": np.array(ids, np.int64)})[0])


def test_forward_graph_reads_the_text_after_its_beginning() -> None:
    found = part("forward").predict_proba(["моя карта"])
    np.testing.assert_allclose(found, [run("forward", [1, *tokenizer().encode("моя карта")])], atol=1e-6)


def test_backward_graph_reads_the_text_from_its_end_after_the_same_token() -> None:
    found = part("backward").predict_proba(["моя карта"])
    np.testing.assert_allclose(found, [run("backward", [1, *reversed(tokenizer().encode("моя карта"))])], atol=1e-6)


def test_directions_count_alike() -> None:
    forward, backward = part("forward").predict_proba(TEXTS), part("backward").predict_proba(TEXTS)
    assert np.abs(forward - backward).max() > 0.1
    np.testing.assert_allclose(part().predict_proba(TEXTS), (forward + backward) / 2, atol=1e-6)


@pytest.mark.parametrize("direction", BOTH)
def test_long_text_is_read_up_to_its_limit(direction: Direction) -> None:
    ids = tokenizer().encode("перевод не дошёл")[:4]
    expected = run(direction, [1, *(ids if direction == "forward" else ids[::-1])])
    np.testing.assert_allclose(part(direction, max_tokens=4).predict_proba(["перевод не дошёл"]), [expected], atol=1e-6)


def test_empty_text_is_its_beginning_alone() -> None:
    np.testing.assert_allclose(part("forward").predict_proba([""]), [run("forward", [1])], atol=1e-6)


def test_probabilities_are_a_row_a_text_that_sums_to_1() -> None:
    found = part().predict_proba(TEXTS)
    assert found.shape == (len(TEXTS), N_LABELS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_no_texts_no_rows() -> None:
    assert part().predict_proba([]).shape == (0, N_LABELS)


@pytest.mark.parametrize("directions", [("forward",), ("backward",), BOTH])
def test_reads_back_what_it_wrote(tmp_path: Path, directions: tuple[Direction, ...]) -> None:
    written = part(*directions, max_tokens=3)
    written.save(tmp_path)
    again = load_part("pooled_lstm.v1", PartFiles(tmp_path), N_LABELS)
    assert isinstance(again, PooledLstm)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), written.predict_proba(TEXTS))


def test_loaded_part_writes_the_same_files(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    part().save(first)
    PooledLstm.load(PartFiles(first), N_LABELS).save(second)
    files = {path.name: path.read_bytes() for path in first.iterdir()}
    assert {path.name: path.read_bytes() for path in second.iterdir()} == files
    assert set(files) == {"tokenizer.model", "tokens.json", "lstm.json", "forward.onnx", "backward.onnx"}


def test_members_of_a_direction_count_alike_and_have_files_of_their_own(tmp_path: Path) -> None:
    backward = build_graph(weights(seed=2))
    graphs = {"forward": [graph("forward"), backward], "backward": [graph("backward"), graph("backward")]}
    PooledLstm(tokenizer(), graphs, 400, N_LABELS).save(tmp_path)  # type: ignore[arg-type]
    assert {path.name for path in tmp_path.glob("*.onnx")} == {
        "forward.onnx",
        "forward-2.onnx",
        "backward.onnx",
        "backward-2.onnx",
    }
    found = PooledLstm.load(PartFiles(tmp_path), N_LABELS).predict_proba(TEXTS)
    other = PooledLstm(tokenizer(), {"forward": [backward]}, 400, N_LABELS).predict_proba(TEXTS)
    expected = (part("forward").predict_proba(TEXTS) + other + 2 * part("backward").predict_proba(TEXTS)) / 4
    np.testing.assert_allclose(found, expected, atol=1e-6)
    (tmp_path / "forward-2.onnx").unlink()
    with pytest.raises(BundleDamaged, match=r"forward-2\.onnx"):
        PooledLstm.load(PartFiles(tmp_path), N_LABELS)


def test_quantised_graphs_are_served(tmp_path: Path) -> None:
    graphs = {direction: [quantize(graph(direction))] for direction in BOTH}
    PooledLstm(tokenizer(), graphs, 400, N_LABELS).save(tmp_path)
    found = PooledLstm.load(PartFiles(tmp_path), N_LABELS).predict_proba(TEXTS)
    np.testing.assert_allclose(found, part().predict_proba(TEXTS), atol=0.05)


def test_threads_do_not_disturb_each_other() -> None:
    scorer = part()
    texts = [text for text in TEXTS for _ in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: scorer.predict_proba([text])[0], texts))
    np.testing.assert_array_equal(found, scorer.predict_proba(texts))


def edited(edit: Callable[[onnx.ModelProto], None]) -> bytes:
    model = onnx.load_model_from_string(graph("forward"))
    edit(model)
    return bytes(model.SerializeToString())


def renamed(old: str, new: str) -> bytes:
    def edit(model: onnx.ModelProto) -> None:
        for value in (*model.graph.input, *model.graph.output):
            value.name = new if value.name == old else value.name
        for node in model.graph.node:
            node.input[:] = [new if name == old else name for name in node.input]
            node.output[:] = [new if name == old else name for name in node.output]

    return edited(edit)


def without_softmax() -> bytes:
    def edit(model: onnx.ModelProto) -> None:
        softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
        softmax.CopyFrom(helper.make_node("Relu", softmax.input, softmax.output))

    return edited(edit)


def with_other_ids() -> bytes:
    def edit(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32

    return edited(edit)


def with_second_output() -> bytes:
    def edit(model: onnx.ModelProto) -> None:
        model.graph.output.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, None))

    return edited(edit)


def cut_short() -> bytes:
    return graph("forward")[: len(graph("forward")) // 2]


def with_a_label_less() -> bytes:
    return build_graph(weights(n_labels=N_LABELS - 1))


def with_a_token_less() -> bytes:
    return build_graph(replace(weights(), embedding=weights().embedding[:-1]))


def without_its_first_layer() -> bytes:
    return build_graph(replace(weights(), layers=weights().layers[1:]))


def not_finite() -> bytes:
    head = weights().head
    return build_graph(replace(weights(), head=replace(head, bias=head.bias * np.float32(np.nan))))


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (bytes, "ONNXRuntimeError"),
        (lambda: b"not a model", "ONNXRuntimeError"),
        (cut_short, "ONNXRuntimeError"),
        (lambda: graph("forward").replace(b"probabilities", b"probabilitie\xf8"), "'utf-8' codec"),
        (lambda: graph("forward").replace(b"Softmax", b"Softma\xf8"), "'utf-8' codec"),
        (without_its_first_layer, "ONNXRuntimeError"),
        (with_a_token_less, "it fails on the tokenizer's highest id"),
        (with_a_label_less, r"of shape \(4,\), expected \(5,\)"),
        (not_finite, "sum to nan"),
        (without_softmax, "its probabilities are"),
        (lambda: renamed("ids", "tokens"), "it maps .*'tokens'.* expected .*'ids'"),
        (lambda: renamed("probabilities", "logits"), "it maps .*'logits'.* expected .*'probabilities'"),
        (with_other_ids, r"it maps .*int32.* expected .*int64"),
        (with_second_output, "it maps .*'pooled'"),
    ],
)
def test_spoilt_graph_is_refused_by_name(
    tmp_path: Path, spoilt: Callable[[], bytes], why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    part().save(tmp_path)
    (tmp_path / "backward.onnx").write_bytes(spoilt())
    with pytest.raises(BundleDamaged, match=rf"backward\.onnx is damaged: .*{why}"):
        PooledLstm.load(PartFiles(tmp_path), N_LABELS)
    assert capfd.readouterr() == ("", "")


def test_spoilt_graph_is_refused_before_it_is_written() -> None:
    with pytest.raises(UnfitGraph, match=r"backward\.onnx does not fit"):
        PooledLstm(tokenizer(), {"forward": [graph("forward")], "backward": [b""]}, 400, N_LABELS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"directions":["forward"],"members":1}',
        b'{"directions":["forward"],"max_tokens":400}',
        b'{"directions":["forward"],"members":0,"max_tokens":400}',
        b'{"directions":["forward"],"members":1000000000000,"max_tokens":400}',
        b'{"directions":["sideways"],"members":1,"max_tokens":400}',
        b'{"directions":[],"members":1,"max_tokens":400}',
        b'{"directions":["forward","forward"],"members":1,"max_tokens":400}',
        b'{"directions":["forward"],"members":1,"max_tokens":0}',
        b'{"directions":["forward"],"members":1,"max_tokens":400,"more":1}',
    ],
)
def test_spoilt_description_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    part().save(tmp_path)
    (tmp_path / "lstm.json").write_bytes(content)
    with pytest.raises(BundleDamaged, match=r"lstm\.json is damaged"):
        PooledLstm.load(PartFiles(tmp_path), N_LABELS)


@pytest.mark.parametrize("name", ["lstm.json", "forward.onnx", "backward.onnx", "tokenizer.model", "tokens.json"])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    part().save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(BundleDamaged, match=name.replace(".", r"\.")):
        PooledLstm.load(PartFiles(tmp_path), N_LABELS)


def test_other_parts_do_not_pay_for_onnx_runtime() -> None:
    code = "import sys, firstline.bundle.parts; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
