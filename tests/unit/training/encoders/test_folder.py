import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.parts.head import Head
from firstline.errors import EncoderUnusable
from firstline.training.encoders import folder as module
from firstline.training.encoders.folder import FolderEncoder
from firstline.training.encoders.graph import vector_graph
from firstline.training.encoders.network import Network, tokenizer_of
from firstline.training.encoders.opening import open_folder
from tests.encoders import N_DIMENSIONS, small_encoder

TEXTS = ["My card was declined twice today", "Where is my refund of 40 €?", "ok", "a " * 300]
HEAD = Head(np.random.default_rng(0).normal(0, 5, (N_DIMENSIONS, 3)).astype(np.float32), np.zeros(3, np.float32))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoders")


@pytest.fixture(scope="module")
def encoder(cache: Path) -> FolderEncoder:
    return FolderEncoder("small", small_encoder(), cache)


def test_vectors_are_those_of_sentence_transformers_but_for_rounding(encoder: FolderEncoder) -> None:
    model = open_folder(small_encoder())
    model.max_seq_length = encoder.network.described.max_tokens
    expected = np.asarray(model.encode(TEXTS, show_progress_bar=False))
    found = encoder.encode(TEXTS)
    assert found.dtype == np.float32
    assert ((found * expected).sum(axis=1) > 0.95).all()


def test_the_part_is_the_head_over_the_vectors(encoder: FolderEncoder) -> None:
    part = encoder.part(HEAD, TEXTS)
    np.testing.assert_allclose(part.predict_proba(TEXTS), HEAD(encoder.encode(TEXTS)), atol=1e-5)


def test_the_part_has_only_the_pieces_that_messages_need(encoder: FolderEncoder) -> None:
    latin, cyrillic = (
        json.loads(encoder.part(HEAD, texts).tokenizer)["model"]["vocab"] for texts in (TEXTS, ["Где мой перевод"])
    )
    assert "##y" in latin.keys() - cyrillic.keys()
    assert "##я" in cyrillic.keys() - latin.keys()


def test_the_network_is_exported_once(encoder: FolderEncoder, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = encoder.encode(TEXTS)
    monkeypatch.setattr(module, "open_folder", None)
    np.testing.assert_array_equal(FolderEncoder("small", small_encoder(), cache).encode(TEXTS), expected)


@pytest.mark.parametrize("name", ["network.onnx", "tokenizer.json", "network.json"])
def test_a_kept_network_is_read_as_it_was_written_and_only_whole(
    encoder: FolderEncoder, cache: Path, tmp_path: Path, name: str
) -> None:
    encoder.encode(["ok"])
    shutil.copytree(cache / encoder.id, tmp_path / "kept")
    assert Network.kept(tmp_path / "kept") == encoder.network
    (tmp_path / "kept" / name).unlink()
    assert Network.kept(tmp_path / "kept") is None


def test_a_network_that_an_earlier_version_kept_is_made_again(
    encoder: FolderEncoder, cache: Path, tmp_path: Path
) -> None:
    encoder.encode(["ok"])
    shutil.copytree(cache / encoder.id, tmp_path / "kept")
    described = json.loads((cache / encoder.id / "network.json").read_bytes())
    (tmp_path / "kept" / "network.json").write_text(json.dumps({"described": described, "sha256": "0"}))
    assert Network.kept(tmp_path / "kept") is None


def test_export_gives_the_same_bytes(encoder: FolderEncoder) -> None:
    assert vector_graph(open_folder(small_encoder())) == encoder.network.graph


def test_the_id_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "modules.json").write_text("[]")
    first = FolderEncoder("a", tmp_path / "a", None).id
    (tmp_path / "a" / "weights").write_text("1")
    assert FolderEncoder("a", tmp_path / "a", None).id != first


def copied(tmp_path: Path) -> Path:
    """The small encoder; its weights by a link."""
    folder = tmp_path / "encoder"
    shutil.copytree(small_encoder(), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "model.safetensors").symlink_to(small_encoder() / "model.safetensors")
    return folder


def test_a_folder_says_what_stands_in_front_and_how_long_a_text_is(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    file = folder / "config_sentence_transformers.json"
    file.write_text(json.dumps({"prompts": {"query": "query: "}, "default_prompt_name": "query"}))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 20, "do_lower_case": False}))
    _, described = tokenizer_of(open_folder(folder))
    assert (described.prefix, described.max_tokens, described.n_first) == ("query: ", 20, 1)


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(EncoderUnusable, match=str(folder)):
        FolderEncoder("small", folder, None).encode(["ok"])


def test_the_id_changes_with_files_behind_links_and_ends_in_circles(tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "modules.json").symlink_to(tmp_path / "blob")
    (tmp_path / "encoder" / "again").symlink_to(tmp_path / "encoder")
    (tmp_path / "encoder" / "nowhere").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "encoder" / "pipe")
    found = []
    for content in ("[]", "[0]"):
        (tmp_path / "blob").write_text(content)
        found.append(FolderEncoder("own", tmp_path / "encoder", None).id)
    assert found[0] != found[1]
