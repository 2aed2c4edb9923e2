"""`firstline pretrain`, on a few sentences and, where it trains, with a tiny network."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firstline.language_models.card import Shape
from firstline.language_models.sizes import SIZES, Size
from firstline.neural.loop import TrainingLoop
from tests.commands import Done, run_here

WORDS = ("карта", "перевод", "оплата", "счёт", "банк", "заявка")
# 30 rounds of 1,600 tokens: 24 of the trunk, 6 of the cool-down.
ROWS = ("--rows", "1", "--tokens", "48000")
TINY = (
    "import sys\n"
    "from firstline.language_models import sizes\n"
    "from firstline.language_models.card import Shape\n"
    "sizes.SIZES['small'] = sizes.Size(Shape(4, 6, 1), 60)\n"
    "from firstline.cli import main\n"
    "main()"
)


def tiny(*arguments: object) -> list[str]:
    return [sys.executable, "-c", TINY, "pretrain", *map(str, arguments)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    lines = (f"{WORDS[n % 6].capitalize()} и {WORDS[n % 5]} {WORDS[n % 4]}.\n" for n in range(800))
    (folder / "bank.txt").write_text("".join(lines), encoding="utf-8")
    (folder / "cp1251.txt").write_bytes(("карта\n" * 300).encode("cp1251"))
    (folder / "english.txt").write_text("my card\n" * 300)
    (folder / "empty.txt").write_text("")
    return folder


def run_small(folder: Path, *arguments: object) -> Done:
    """Run `firstline pretrain` in `folder`, with a tiny network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "small", Size(Shape(4, 6, 1), 60))
        return run_here("pretrain", *arguments, cwd=folder)


@pytest.fixture(scope="module")
def made(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished language model; do not change it."""
    folder = tmp_path_factory.mktemp("lm") / "lm"
    done = run_small(corpus, "bank.txt", *ROWS, "-o", folder, "--licence", "bank=CC0", "--json")
    assert done.returncode == 0, done.stderr
    (folder.parent / "answer.json").write_text(done.stdout, encoding="utf-8")
    return folder


def test_the_answer_says_what_was_made(made: Path) -> None:
    answer = json.loads((made.parent / "answer.json").read_text(encoding="utf-8"))
    assert answer["folder"] == str(made)
    assert answer["tokens_seen"] == 48_000
    assert [(text["name"], text["licence"]) for text in answer["sources"]] == [("bank", "CC0")]
    assert answer["perplexity_per_token"] > answer["perplexity_per_character"] > 1
    assert answer["command"].startswith("firstline pretrain bank.txt")


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_as_an_undisturbed_one(corpus: Path, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lm"
    command = tiny("bank.txt", *ROWS, "-o", folder)
    process = subprocess.Popen(command, cwd=corpus, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (folder / ".work" / "trunk.ckpt").exists():
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = run_small(corpus, "bank.txt", *ROWS, "-o", folder, "--resume")
    assert done.returncode == 0, done.stderr
    assert "resumes after 38,400 tokens" in done.stderr
    assert "cool-down: round 30 of 30" in done.stderr
    assert "48,000 tokens seen, from bank (" in done.stdout
    assert f"--direction backward --tokenizer {folder}" in done.stdout
    weights = "weights.safetensors"
    assert (folder / weights).read_bytes() == (made / weights).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("bank.txt", "-o", "{made}"), 1, "already contains a training"),
        (("bank.txt", "-o", "{made}", *ROWS, "--size", "base", "--resume"), 1, "expected base (400/1152 x 3)"),
        (("bank.txt", "-o", "{made}", *ROWS, "--pieces", "50", "--resume"), 1, "expected its own, of 50 pieces"),
        (("english.txt", "-o", "new"), 1, "100 % of the letters in english.txt are Latin, expected Cyrillic for 'ru'"),
        (("cp1251.txt", "-o", "new"), 1, "cp1251.txt, line 1: it is not UTF-8"),
        (("empty.txt", "-o", "new"), 1, "There are no letters in empty.txt"),
        (("absent.txt", "-o", "new"), 1, "There is no file absent.txt"),
        (("bank.txt", "-o", "new", "--weight", "wiki=2"), 2, "no source has that name"),
        (("bank.txt", "-o", "new", "--weight", "bank=much"), 2, "expected a number"),
        (("bank.txt", "-o", "new", "--licence", "CC0"), 2, "is not a pair"),
        (("bank.txt", "-o", "new", "--tokenizer", "."), 1, "There is no language model in ."),
        (("bank.txt", "-o", "new", "--direction", "up"), 2, "Invalid value"),
    ],
)
def test_what_is_wrong_is_said(corpus: Path, made: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = run_small(corpus, *(argument.format(made=made) for argument in arguments))
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (corpus / "new").exists()


def test_an_interrupted_training_says_how_to_go_on(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingLoop, "run", stop)
    done = run_small(corpus, "bank.txt", *ROWS, "-o", tmp_path / "lm")
    assert done.returncode == 130
    assert "To resume, run the same command with --resume" in done.stderr
    assert "Stopped." in done.stderr


def test_it_says_how_to_install_what_it_lacks(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastai", None)
    done = run_small(corpus, "bank.txt", "-o", tmp_path / "lm")
    assert done.returncode == 1
    assert "--find-links DIR 'firstline[train]'" in done.stderr
