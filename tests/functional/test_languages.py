"""`firstline languages`: a wheel is packed, installed from its file and trained from, with the network cut off."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from firstline.language_models.model import LanguageModel
from tests.commands import Done, run_here
from tests.unit.language_models.messages import pretrained

MAIN = (
    "from firstline.training.candidates.ulmfit import settings\n"
    "from firstline.language_models import adapt\n"
    "adapt._LEAST_BATCHES = 0\n"
    "settings._LEAST_BATCHES = 30\n"
    "from firstline.cli import main\n"
    "main()"
)
CUT_OFF = ("unshare", "--net", "--map-root-user")
can_be_cut_off = shutil.which("unshare") is not None and not subprocess.run([*CUT_OFF, "true"]).returncode


SETTINGS = {
    "FIRSTLINE_CANDIDATES": '{"ulmfit.v1": {"n_members": 1, "encoder": "none", "directions": ["forward"]}}',
}


def firstline(site: Path, *arguments: object) -> Done:
    """Run a command here, with what is installed in `site`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        # Whatever another test has installed elsewhere.
        patch.delitem(sys.modules, "tests_ru", raising=False)
        return run_here(*arguments)


def train_cut_off(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a short training in a process without network."""
    command = [*(CUT_OFF if can_be_cut_off else ()), sys.executable, "-c", MAIN, *map(str, arguments)]
    environment = {**os.environ, **SETTINGS, "PYTHONPATH": str(site)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language")
    model = pretrained()
    card = msgspec.structs.replace(model.card, tokens_seen=8_000_000, perplexity_per_token=120.5)
    LanguageModel(card, model.tokenizer, model.weights).save(folder / "forward")
    done = firstline(folder, "languages", "pack", folder / "forward", "-o", folder, "--name", "tests-ru", "--json")
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["wheel"])


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """What pip makes of the wheel, without an index."""
    site = wheel.parent / "site"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps")
    done = subprocess.run([*pip, "--target", site, wheel], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture(scope="module")
def imported(site: Path) -> Path:
    """A workspace that names the language model; do not change it."""
    folder = site.parent / "bank"
    history = site.parent / "history.csv"
    sentences = {"карта": ("карта пропала", "не вижу карты"), "оплата": ("оплата не прошла", "верните оплату")}
    lines = [
        f"{sentence} {n}{mark},{label}" for label, pair in sentences.items() for sentence in pair for n, mark in MARKS
    ]
    history.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    for command in (("init", folder), ("import", history, "-w", folder)):
        done = firstline(site, *command)
        assert done.returncode == 0, done.stderr
    settings = folder / "firstline.toml"
    named = '[candidates."ulmfit.v1"]\nlanguage_model = "tests-ru"\n'
    settings.write_text(settings.read_text("utf-8") + named, "utf-8")
    return folder


@pytest.fixture
def workspace(imported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(imported, tmp_path / "bank"))


MARKS = [(n, mark) for n in range(5) for mark in ("", "!", "?")]


def test_it_is_listed_with_what_its_card_says(site: Path) -> None:
    done = firstline(site, "languages")
    assert done.returncode == 0, done.stderr
    row = next(line.split() for line in done.stdout.splitlines() if "tests-ru" in line)
    assert row[:6] == ["tests-ru", "1.0.0", "ru", "forward", "8,000,000", "120.5"]
    found = {one["name"]: one for one in json.loads(firstline(site, "languages", "--json").stdout)}
    assert found["tests-ru"]["models"]["forward"]["tokens_seen"] == 8_000_000


@pytest.mark.skipif(not can_be_cut_off, reason="no network namespace can be made here")
def test_a_command_that_is_cut_off_has_no_interface_but_its_own() -> None:
    alone = subprocess.run([*CUT_OFF, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True)
    assert [line.split(":")[0].strip() for line in alone.stdout.splitlines()[2:]] == ["lo"]


def test_training_starts_from_it_with_the_network_cut_off(site: Path, workspace: Path) -> None:
    train = ("train", "--candidates", "ulmfit.v1", "--folds", "2", "-w", workspace, "--json")
    done = train_cut_off(site, *train)
    assert done.returncode == 0, done.stderr
    card = json.loads((workspace / "language-models" / "forward" / "card.json").read_bytes())
    assert card["base"].keys() == {"tokenizer.model", "tokens.json", "weights.safetensors"}
    assert card["tokens_seen"] > 8_000_000


def test_a_damaged_file_is_refused_by_name(site: Path, workspace: Path, tmp_path: Path) -> None:
    site = Path(shutil.copytree(site, tmp_path / "site"))
    file = site / "tests_ru" / "forward" / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    done = firstline(site, "adapt", "-w", workspace)
    assert done.returncode == 1
    assert f"{file} is damaged" in done.stderr
    assert not (workspace / "language-models" / "forward").exists()


def test_a_name_that_is_not_installed_is_told(tmp_path: Path, workspace: Path) -> None:
    done = firstline(tmp_path, "adapt", "-w", workspace)
    assert done.returncode == 1
    assert "No language model named 'tests-ru' is installed" in done.stderr
