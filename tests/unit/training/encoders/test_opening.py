import os
import subprocess
import sys
from pathlib import Path

import pytest

from firstline.errors import EncoderUnusable
from firstline.training.encoders.opening import offline, open_folder, without_torchvision
from tests.encoders import small_encoder

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
    with without_torchvision():
        assert sys.modules["torchvision"] is None
    assert sys.modules["torchvision"] is module


def test_the_environment_is_offline_only_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "0")
    with offline():
        assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in os.environ
    assert os.environ["TRANSFORMERS_OFFLINE"] == "0"


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]]")
    with pytest.raises(EncoderUnusable, match=str(tmp_path)):
        open_folder(tmp_path)
