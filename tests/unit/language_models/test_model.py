import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from firstline.errors import LanguageModelUnusable
from firstline.language_models.card import read_card
from firstline.language_models.model import LanguageModel
from firstline.language_models.network import Dropouts
from tests.unit.language_models.pretraining import small_language_model

NONE = Dropouts(0, 0, 0, 0, 0)


@pytest.fixture
def model() -> LanguageModel:
    torch.manual_seed(1)
    return small_language_model()


def test_weights_are_kept_as_float16(model: LanguageModel, tmp_path: Path) -> None:
    model.save(tmp_path / "lm")
    loaded = LanguageModel.load(tmp_path / "lm")
    assert loaded.weights.keys() == model.weights.keys()
    for name, tensor in model.weights.items():
        assert torch.equal(loaded.weights[name], tensor.half().float()), name
    n_bytes = 2 * sum(tensor.numel() for tensor in model.weights.values())
    assert n_bytes < (tmp_path / "lm" / "weights.safetensors").stat().st_size < n_bytes + 2_000


def test_card_and_tokenizer_are_kept(model: LanguageModel, tmp_path: Path) -> None:
    model.save(tmp_path / "lm")
    loaded = LanguageModel.load(tmp_path / "lm")
    assert loaded.card.shape == model.card.shape
    assert loaded.tokenizer.encode("карта ушла") == model.tokenizer.encode("карта ушла")
    assert read_card(tmp_path / "lm") == loaded.card


def test_a_network_has_the_weights(model: LanguageModel) -> None:
    network = model.network(NONE)
    ids = torch.tensor([model.tokenizer.encode("карта пришла")])
    assert network(ids)[0].shape == (1, ids.shape[1], model.shape.n_embedding)
    assert torch.equal(network.encoder.encoder.weight, model.weights["encoder.encoder.weight"])


def test_saving_twice_gives_the_same_bytes(model: LanguageModel, tmp_path: Path) -> None:
    for name in ("a", "b"):
        model.save(tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_what_else_the_folder_holds_stays(model: LanguageModel, tmp_path: Path) -> None:
    model.save(tmp_path / "lm")
    (tmp_path / "lm" / ".work").mkdir()
    (tmp_path / "lm" / ".work" / "trunk.ckpt").write_text("kept")
    model.save(tmp_path / "lm")
    assert (tmp_path / "lm" / ".work" / "trunk.ckpt").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lm"]
    assert not [path for path in (tmp_path / "lm").iterdir() if path.name.startswith(".new")]


@pytest.mark.parametrize("name", ["weights.safetensors", "tokenizer.model", "tokens.json"])
def test_a_damaged_file_is_named(model: LanguageModel, tmp_path: Path, name: str) -> None:
    model.save(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LanguageModelUnusable, match=f"{name} is damaged"):
        LanguageModel.load(tmp_path)


@pytest.mark.parametrize("name", ["weights.safetensors", "tokenizer.model", "tokens.json"])
def test_a_missing_file_is_named(model: LanguageModel, tmp_path: Path, name: str) -> None:
    model.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(LanguageModelUnusable, match=f"{name} cannot be read"):
        LanguageModel.load(tmp_path)


def test_a_folder_without_a_card_is_no_language_model(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelUnusable, match="There is no language model in"):
        LanguageModel.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format_version": 1}', b"\xff", b"[" * 99_999])
def test_a_damaged_card_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(LanguageModelUnusable, match=r"card\.json is damaged"):
        read_card(tmp_path)


def test_another_format_version_is_an_error(model: LanguageModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_bytes())
    (tmp_path / "card.json").write_text(json.dumps({**card, "format_version": 2, "new": 1}))
    with pytest.raises(LanguageModelUnusable, match="is of format version 2; this Firstline reads 1"):
        read_card(tmp_path)


def test_a_card_that_names_other_files_is_an_error(model: LanguageModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_bytes())
    (tmp_path / "card.json").write_text(json.dumps({**card, "files": {**card["files"], "../secret": "0"}}))
    with pytest.raises(LanguageModelUnusable, match=r"names a file outside its folder: \.\./secret"):
        LanguageModel.load(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.model", "tokens.json", "weights.safetensors"])
def test_a_card_without_the_hash_of_a_file_is_an_error(model: LanguageModel, tmp_path: Path, name: str) -> None:
    model.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_bytes())
    del card["files"][name]
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(LanguageModelUnusable, match=f"has no hash of {name}"):
        LanguageModel.load(tmp_path)


def test_a_card_of_another_shape_is_an_error(model: LanguageModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_bytes())
    card["shape"]["n_hidden"] += 1
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(LanguageModelUnusable, match="is not what its card says"):
        LanguageModel.load(tmp_path)


def test_a_failed_write_leaves_the_old_one(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.save(tmp_path / "lm")
    before = {path.name: path.read_bytes() for path in (tmp_path / "lm").iterdir()}
    calls = iter(range(9))

    def sync(_: int) -> None:
        if next(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    torch.manual_seed(2)
    with monkeypatch.context() as patch, pytest.raises(LanguageModelUnusable, match="No space left on device"):
        patch.setattr(os, "fsync", sync)
        small_language_model().save(tmp_path / "lm")
    assert {path.name: path.read_bytes() for path in (tmp_path / "lm").iterdir()} == before


def test_a_failed_first_write_leaves_nothing(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(LanguageModelUnusable):
        model.save(tmp_path / "lm")
    assert list(tmp_path.iterdir()) == []


def test_in_int8_it_takes_half_and_its_weights_are_nearly_the_same(model: LanguageModel, tmp_path: Path) -> None:
    model.weights["encoder.encoder.weight"][0] = 0
    model.save(tmp_path / "half")
    model.save(tmp_path / "int8", in_int8=True)
    found = LanguageModel.load(tmp_path / "int8")
    assert found.weights.keys() == model.weights.keys()
    for name, expected in model.weights.items():
        largest = expected.abs().amax(dim=-1, keepdim=True)
        assert torch.all((found.weights[name] - expected).abs() <= 0.51 / 127 * largest + 1e-6), name
    assert not found.weights["encoder.encoder.weight"][0].any()


def test_int8_weights_without_their_scales_are_damaged(model: LanguageModel, tmp_path: Path) -> None:
    model.save(tmp_path, in_int8=True)
    file = tmp_path / "weights.safetensors"
    tensors = load_tensors(file.read_bytes())
    content = save_tensors({name: tensor for name, tensor in tensors.items() if not name.endswith(".scale")})
    file.write_bytes(content)
    card = json.loads((tmp_path / "card.json").read_bytes())
    card["files"]["weights.safetensors"] = hashlib.sha256(content).hexdigest()
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(LanguageModelUnusable, match="is not what its card says"):
        LanguageModel.load(tmp_path)


@pytest.mark.parametrize("language", ["", " ru", "../../x", "x\n[console_scripts]\na = os:abort", "ru\n"])
def test_a_card_of_no_language_is_damaged(model: LanguageModel, tmp_path: Path, language: str) -> None:
    model.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_bytes())
    (tmp_path / "card.json").write_text(json.dumps({**card, "language": language}))
    with pytest.raises(LanguageModelUnusable, match="is damaged"):
        read_card(tmp_path)


@pytest.mark.parametrize("shape", [{"n_layers": 90, "n_hidden": 60_000}, {"n_hidden": 10**30}, {"n_embedding": 7}])
def test_a_card_of_another_shape_takes_no_memory(model: LanguageModel, tmp_path: Path, shape: dict[str, int]) -> None:
    model.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_bytes())
    (tmp_path / "card.json").write_text(json.dumps({**card, "shape": {**card["shape"], **shape}}))
    with pytest.raises(LanguageModelUnusable):
        LanguageModel.load(tmp_path)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(model: LanguageModel, tmp_path: Path, odd: float) -> None:
    model.weights["bias"][1] = odd
    model.save(tmp_path)
    with pytest.raises(LanguageModelUnusable, match="not all of its weights are numbers"):
        LanguageModel.load(tmp_path)


def test_a_card_that_names_a_file_no_system_has_is_an_error(model: LanguageModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_bytes())
    (tmp_path / "card.json").write_text(json.dumps({**card, "files": {**card["files"], "a\0b": "0"}}))
    with pytest.raises(LanguageModelUnusable, match="cannot be read"):
        LanguageModel.load(tmp_path)
