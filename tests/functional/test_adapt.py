"""`firstline adapt`, and `firstline train` with `ulmfit.v1`, on a few sentences with a tiny network."""

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from firstline.language_models import adapt, start
from firstline.language_models.card import Shape
from firstline.language_models.model import LanguageModel
from firstline.neural.loop import TrainingLoop
from firstline.training.candidates.ulmfit import settings
from tests.commands import Done, run_here
from tests.unit.language_models.messages import pretrained

SHAPE = Shape(n_embedding=12, n_hidden=12, n_layers=1)
SENTENCES = {
    "Доставка": ("Курьер опять не приехал", "где мой заказ", "посылка потерялась на складе", "привезли не тот товар"),
    "Возврат": ("хочу вернуть деньги", "Верните оплату за платье", "возврат не пришёл на карту", "оформите возврат"),
    "Размер": ("какой размер выбрать", "платье мало в плечах", "Есть ли сорок шестой размер?", "размерная сетка врёт"),
}
ENDINGS = ("", " уже вторую неделю", "!!! Отвечайте", ", позвоните <PHONE>", " спасибо")
UNLABELLED = [f"вопрос {place}{ending}" for place in range(4) for ending in ENDINGS]
# Halts after the first checkpoint, to be stopped there.
HALTING = (
    "import signal, sys, time\n"
    # A shell's background jobs, such as this test run may be, ignore Ctrl-C.
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from firstline.language_models import adapt\n"
    "from firstline.language_models import start\n"
    "from firstline.language_models.card import Shape\n"
    "start.OWN_SHAPE = Shape(12, 12, 1)\n"
    "adapt._LEAST_BATCHES = 0\n"
    "save = adapt.save_checkpoint\n"
    "def halt(*arguments):\n"
    "    save(*arguments)\n"
    "    print('halted', flush=True)\n"
    "    time.sleep(60)\n"
    "adapt.save_checkpoint = halt\n"
    "from firstline.cli import main\n"
    "main()"
)


def run(*arguments: object) -> Done:
    """Run `firstline` with a tiny network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(start, "OWN_SHAPE", SHAPE)
        patch.setattr(settings, "_LEAST_BATCHES", 30)
        patch.setattr(adapt, "_LEAST_BATCHES", 0)
        return run_here(*arguments)


QUICK = {"language_model": "none", "encoder": "none", "directions": ["forward"], "n_members": 1}


@pytest.fixture(autouse=True)
def quick_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """One classifier, so that all is done in this process."""
    monkeypatch.setenv("FIRSTLINE_CANDIDATES", json.dumps({"ulmfit.v1": QUICK}))


def write_history(path: Path) -> None:
    """60 labelled messages of three classes, and five without a label."""
    rows = [
        (sentence + ending, "lead" if place % 2 else "customer", label)
        for label, sentences in SENTENCES.items()
        for sentence in sentences
        for place, ending in enumerate(ENDINGS)
    ]
    rows += [(f"просто вопрос{ending}", "", "") for ending in ENDINGS]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "segment", "label"), *rows])


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with messages; do not change it."""
    folder = tmp_path_factory.mktemp("adapt") / "my shop"
    write_history(folder.parent / "history.csv")
    for command in (("init", folder), ("import", folder.parent / "history.csv", "-w", folder)):
        done = run(*command)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def workspace(imported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(imported, tmp_path / "my shop"))


def save_pretrained(folder: Path, **card: object) -> Path:
    """A language model that was made elsewhere."""
    model = pretrained()
    LanguageModel(msgspec.structs.replace(model.card, **card), model.tokenizer, model.weights).save(folder)
    return folder


def test_it_says_what_was_read_and_what_comes_next(workspace: Path) -> None:
    done = run("adapt", "-w", workspace)
    assert done.returncode == 0, done.stderr
    assert "no pretrained language model" in done.stderr
    assert "The forward language model is adapted to 65 messages; perplexity" in done.stdout
    assert "Next: firstline train --candidates ulmfit.v1,linear.v1 --workspace '" in done.stdout
    assert sorted(path.name for path in (workspace / "language-models").iterdir()) == ["forward"]


def test_a_second_run_keeps_what_there_is_and_force_does_not(workspace: Path) -> None:
    run("adapt", "-w", workspace)
    assert "1 of" not in (again := run("adapt", "-w", workspace)).stderr
    assert again.returncode == 0
    assert "held-out perplexity" in run("adapt", "-w", workspace, "--force").stderr


def test_it_answers_in_json(workspace: Path, tmp_path: Path) -> None:
    base = save_pretrained(tmp_path / "base")
    answer = json.loads(run("adapt", "-w", workspace, "--json", "--language-model", base).stdout)
    assert [(model["direction"], model["pretrained"]) for model in answer] == [("forward", True)]
    assert answer[0]["perplexity_per_token"] > 1
    assert answer[0]["tokens_seen"] > 0


@pytest.mark.parametrize(
    ("card", "code", "said"),
    [
        ({"language": "en"}, 2, "is a language model for 'en', but the workspace's language is 'ru'"),
        ({"direction": "backward"}, 2, "The workspace reads forward, but these language models read backward"),
        ({"text_rules": ("case.v1",)}, 1, "has learned from texts by the rules case.v1"),
    ],
)
def test_a_pretrained_model_that_does_not_fit_is_refused(
    workspace: Path, tmp_path: Path, card: dict[str, object], code: int, said: str
) -> None:
    done = run("adapt", "-w", workspace, "--language-model", save_pretrained(tmp_path / "base", **card))
    assert done.returncode == code
    assert said in done.stderr
    assert not (workspace / "language-models" / "forward").exists()


def test_a_folder_without_a_language_model_is_named(workspace: Path, tmp_path: Path) -> None:
    done = run("adapt", "-w", workspace, "--language-model", tmp_path)
    assert done.returncode == 1
    assert f"There is no language model in {tmp_path}" in done.stderr


@pytest.mark.parametrize("command", [("adapt",), ("train", "--candidates", "ulmfit.v1")])
def test_too_few_messages_are_refused(tmp_path: Path, command: tuple[str, ...]) -> None:
    run("init", tmp_path / "w")
    (tmp_path / "few.csv").write_text("text,label\nодин,a\nдва,a\nтри,b\nчетыре,b\n", encoding="utf-8")
    run("import", tmp_path / "few.csv", "-w", tmp_path / "w")
    done = run(*command, "-w", tmp_path / "w")
    assert done.returncode == 1
    assert "needs 10 messages to adapt to, got 4" in done.stderr
    assert "firstline import FILE" in done.stderr


def test_no_message_at_all_is_said(tmp_path: Path) -> None:
    run("init", tmp_path / "w")
    done = run("adapt", "-w", tmp_path / "w")
    assert done.returncode == 1
    assert "got 0" in done.stderr


@pytest.mark.parametrize(
    ("stop", "code", "said"),
    [
        pytest.param(signal.SIGKILL, -signal.SIGKILL, "", marks=pytest.mark.slow),
        (signal.SIGINT, 130, "To resume, run the same command again"),
    ],
)
def test_a_stopped_adaptation_goes_on(workspace: Path, stop: signal.Signals, code: int, said: str) -> None:
    command = [sys.executable, "-c", HALTING, "adapt", "-w", str(workspace)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    assert process.stdout is not None
    assert process.stdout.readline() == "halted\n"
    process.send_signal(stop)
    _, err = process.communicate()
    assert process.returncode == code
    assert said in err
    assert "Traceback" not in err
    done = run("adapt", "-w", workspace)
    assert done.returncode == 0, done.stderr
    resumed = (workspace / "language-models" / "forward" / "weights.safetensors").read_bytes()
    assert not (workspace / "language-models" / "forward.work").exists()
    run("adapt", "-w", workspace, "--force")
    assert (workspace / "language-models" / "forward" / "weights.safetensors").read_bytes() == resumed


@pytest.mark.parametrize("command", [("adapt",), ("train", "--candidates", "ulmfit.v1")])
@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "To resume, run the same command again"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 1, "Out of memory."),
        (MemoryError(), 1, "Out of memory."),
    ],
)
def test_what_stops_a_training_is_said(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    error: BaseException,
    code: int,
    said: str,
) -> None:
    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr(TrainingLoop, "run", stop)
    done = run(*command, "-w", workspace)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_one_table_compares_it_with_others_and_its_model_answers(workspace: Path, tmp_path: Path) -> None:
    done = run("train", "--candidates", "ulmfit.v1,linear.v1", "--folds", "2", "-w", workspace)
    assert done.returncode == 0, done.stderr
    assert "60 labelled messages, 3 classes, 2-fold cross-validation" in done.stdout
    assert {"ulmfit.v1", "linear.v1"} <= set(done.stdout.split())
    only = run("train", "--candidates", "ulmfit.v1", "--folds", "2", "--json", "-w", workspace)
    report = json.loads(only.stdout)
    assert run("models", "promote", report["model"], "-w", workspace).returncode == 0
    (tmp_path / "new.csv").write_text("text\nкурьер не приехал\n", encoding="utf-8")
    classified = run("classify", tmp_path / "new.csv", "-o", tmp_path / "out.csv", "-w", workspace)
    assert classified.returncode == 0, classified.stderr
    assert f"answered by {report['model']}" in classified.stdout
    row = next(csv.DictReader((tmp_path / "out.csv").read_text("utf-8").splitlines()))
    assert row["predicted_label"] in SENTENCES
    assert 0 < float(row["predicted_confidence"]) <= 1


def test_without_any_epoch_it_says_that_nothing_was_learned(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_CANDIDATES", json.dumps({"ulmfit.v1": {**QUICK, "adaptation_epochs": 0}}))
    done = run("adapt", "-w", workspace)
    assert "The forward language model was not adapted, because adaptation_epochs is 0." in done.stdout
    assert "train --candidates" in done.stdout


def test_without_labels_it_does_not_send_one_to_train(tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("\n".join(["text", *UNLABELLED]), encoding="utf-8")
    for command in (("init", tmp_path / "shop"), ("import", tmp_path / "few.csv", "-w", tmp_path / "shop")):
        assert run(*command).returncode == 0
    done = run("adapt", "-w", tmp_path / "shop")
    assert done.returncode == 0, done.stderr
    assert "Next: firstline status" in done.stdout


@pytest.mark.parametrize("package", ["torch", "fastai", "safetensors"])
def test_what_is_not_installed_is_named(workspace: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = run("adapt", "-w", workspace)
    assert done.returncode == 1
    assert "--find-links DIR 'firstline[train]'" in done.stderr
