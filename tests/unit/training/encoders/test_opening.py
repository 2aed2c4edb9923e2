import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants, is_offline_mode
from safetensors.numpy import load_file, save_file

from firstline.errors import EncoderUnusable
from firstline.training.encoders.network import tokenizer_of
from firstline.training.encoders.opening import hide_torchvision, open_folder
from tests.encoders import N_LAYERS, small_encoder

LAST = f"layer.{N_LAYERS - 1}."
_OPEN = """
import os, sys
from pathlib import Path
from firstline.training.encoders.opening import open_folder
model = open_folder(Path(sys.argv[1]))
assert not [name for name in os.environ if name.startswith(("HF_", "TRANSFORMERS_"))]
from transformers.utils.import_utils import is_torchvision_available
assert not is_torchvision_available()
assert "torchvision" not in sys.modules
"""


@pytest.mark.slow
def test_it_opens_silently_without_torchvision_and_leaves_no_setting_behind(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError('of another build')")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    variables["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", _OPEN, str(small_encoder())], env=variables, capture_output=True, encoding="utf-8"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_torchvision_that_was_there_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("torchvision")
    monkeypatch.setitem(sys.modules, "torchvision", module)
    hide_torchvision()
    assert sys.modules["torchvision"] is module


def test_hugging_face_is_offline_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    open_folder(small_encoder())
    assert is_offline_mode()


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]]")
    with pytest.raises(EncoderUnusable, match=str(tmp_path)):
        open_folder(tmp_path)


def copied(folder: Path) -> Path:
    """A copy of the small encoder, to be damaged."""
    shutil.copytree(small_encoder(), folder)
    return folder


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    folder = copied(tmp_path / "encoder")
    file = next(folder.rglob("model.safetensors"))
    weights = load_file(file)
    save_file({name: value for name, value in weights.items() if LAST not in name}, file, {"format": "pt"})
    with pytest.raises(EncoderUnusable, match=rf"the weights encoder\.{LAST}.* more are missing"):
        open_folder(folder)


@pytest.mark.parametrize("change", [{"num_hidden_layers": N_LAYERS + 1}, {"intermediate_size": 100}])
def test_weights_of_another_network_are_refused(tmp_path: Path, change: dict[str, int]) -> None:
    folder = copied(tmp_path / "encoder")
    file = next(path for path in folder.rglob("config.json") if "Pooling" not in str(path))
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(EncoderUnusable, match=r"encoder"):
        open_folder(folder)


def test_a_tokenizer_that_is_missing_is_not_made_up(tmp_path: Path) -> None:
    folder = copied(tmp_path / "encoder")
    for name in ("tokenizer.json", "vocab.txt"):
        for file in folder.rglob(name):
            file.unlink()
    with pytest.raises(EncoderUnusable, match="tokenizer"):
        open_folder(folder)


def test_weights_of_more_layers_than_the_config_says_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path / "encoder")
    file = next(path for path in folder.rglob("config.json") if "Pooling" not in str(path))
    file.write_text(json.dumps({**json.loads(file.read_text()), "num_hidden_layers": N_LAYERS - 1}))
    with pytest.raises(EncoderUnusable, match=rf"no place for the weights encoder\.{LAST}"):
        open_folder(folder)


def test_a_tokenizer_that_would_fail_on_the_unknown_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path / "encoder")
    file = next(folder.rglob("tokenizer.json"))
    description = json.loads(file.read_text())
    del description["model"]["vocab"]["[UNK]"]
    description["added_tokens"] = [token for token in description["added_tokens"] if token["content"] != "[UNK]"]
    file.write_text(json.dumps(description))
    with pytest.raises(EncoderUnusable, match="no piece for what it does not know"):
        tokenizer_of(open_folder(folder))
