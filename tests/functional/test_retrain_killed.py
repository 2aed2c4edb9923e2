"""`firstline retrain` that is killed: run again it ends as if undisturbed, and half a model is never seen."""

import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from firstline.bundle.predictor import Predictor
from firstline.bundle.promotions import champions
from firstline.bundle.registry import champion_id, model_folder
from firstline.errors import FirstlineError
from firstline.types import Message
from tests.commands import run_here, run_process
from tests.functional.test_killed import run_and_kill
from tests.retrained import ASKED, End, ready_to_retrain
from tests.service import Running, served, wait_until

N_KILLS, KILLS_IN_A_ROW = 20, 2
DIES = """
import os, signal
from pathlib import Path

def dies(owner, name, when=lambda *arguments, **options: True):
    real = getattr(owner, name)
    def killed(*arguments, **options):
        if when(*arguments, **options):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    setattr(owner, name, killed)
"""
STAGES = {
    "masks are applied again": """
from firstline.messages import remasking
dies(remasking, "write_state")""",
    "the first fold is saved": """
from firstline.training.saved_folds import SavedFolds
dies(SavedFolds, "save_fold", lambda folds, repeat, fold: fold.number == 1)""",
    "all labels are learned": """
from firstline.training import train
dies(train, "_train_on_all_labels")""",
    "the model has no manifest": """
from firstline.bundle import files
dies(files, "_encoded")""",
    "the model is whole, but not in its place": """
dies(Path, "rename", lambda folder, target: folder.name.startswith(".new-"))""",
    "the model is in its place": """
from firstline.training.runs import Run
dies(Run, "finish")""",
    "the run is finished": """
from firstline.retraining import retrain
dies(retrain, "promote")""",
    "the promotion is written, but not in its place": """
dies(Path, "replace", lambda file, target: Path(target).name == "promotions.jsonl")""",
    "the promotion is recorded": """
from firstline.bundle import registry
dies(registry, "whole_file")""",
    "the champion is written, but not in its place": """
dies(Path, "replace", lambda file, target: Path(target).name == "champion.json")""",
    "the challenger is the champion": """
from firstline.evaluation.report import writing
dies(writing, "write_report")""",
    "the report is written, but not in its place": """
dies(Path, "replace", lambda file, target: Path(target).suffix == ".html")""",
}
"""When it is killed, and the Python that does it."""


@dataclass
class Watched:
    """What the service answered: each model with its label, and what else came. `n_loaded` counts whole champions."""

    answers: set[tuple[str, str]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    n_loaded: int = 0


@pytest.fixture(scope="module")
def start(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a champion, labels of a new class, and masks that have changed. Do not change it."""
    return ready_to_retrain(trained, tmp_path_factory.mktemp("start") / "bank")


@pytest.fixture(scope="module")
def undisturbed(start: Path, tmp_path_factory: pytest.TempPathFactory) -> End:
    """What one retraining that nobody kills leaves."""
    folder = Path(shutil.copytree(start, tmp_path_factory.mktemp("undisturbed") / "bank"))
    done = run_here("retrain", "-w", folder)
    assert done.returncode == 0, done.stderr
    found = End.of(folder)
    assert len(found.champions) == 2
    assert ("сломан банкомат на <PLACE>", "customer") in found.texts
    return found


@pytest.fixture
def place(start: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(start, tmp_path / "bank"))


@contextmanager
def watched(folder: Path, service: Running) -> Iterator[Watched]:
    """Asks the service, and loads the champion as a reader would, again and again until the end."""
    found, is_over = Watched(), threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=service.address, timeout=30) as client:
            while not is_over.wait(0.02):
                response = client.post("/v1/classify", json={"text": ASKED})
                if response.status_code == 200:
                    found.answers.add((response.json()["model"], response.json()["label"]))
                else:
                    found.problems.append(response.text)

    def load() -> None:
        while not is_over.wait(0.05):
            try:
                Predictor.load(model_folder(folder / "models")).predict([Message(ASKED)])
                found.n_loaded += 1
            except FirstlineError as error:
                found.problems.append(error.message)

    threads = [threading.Thread(target=work) for work in (ask, load)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def assert_ends_as(undisturbed: End, folder: Path, service: Running, found: Watched) -> None:
    """The same command ends what was begun; the service takes the new model; nobody ever saw anything else."""
    before, after = undisturbed.champions
    assert champion_id(folder / "models") in (before, after)
    done = run_here("retrain", "-w", folder)
    assert done.returncode == 0, done.stderr
    assert End.of(folder) == undisturbed
    assert not [path.name for path in (folder / "models").glob(".new-*")]
    wait_until(lambda: httpx.get(f"{service.address}/health/ready").json()["model"] == after)
    wait_until(lambda: (after, "Ипотека") in found.answers)
    assert found.problems == []
    assert {model for model, _ in found.answers} <= {before, after}
    assert found.n_loaded > 0


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_any_stage(stage: str, place: Path, undisturbed: End, tmp_path: Path) -> None:
    with served(place, tmp_path / "log") as service, watched(place, service) as found:
        killed = run_process("retrain", "-w", place, code=DIES + STAGES[stage])
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert_ends_as(undisturbed, place, service, found)


def test_killed_between_the_record_and_the_champion(place: Path, undisturbed: End) -> None:
    killed = run_process("retrain", "-w", place, code=DIES + STAGES["the promotion is recorded"])
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before, after = undisturbed.champions
    assert champion_id(place / "models") == before
    assert champions(place / "models") == [before, after]
    again = run_here("retrain", "-w", place)
    assert again.returncode == 0, again.stderr
    assert End.of(place) == undisturbed


def test_a_champion_that_has_no_report_yet_gets_one(place: Path, undisturbed: End) -> None:
    assert run_here("retrain", "-w", place).returncode == 0
    (report,) = (place / "reports").glob("*.html")
    report.unlink()
    again = run_here("retrain", "-w", place)
    assert (again.returncode, report.exists()) == (0, True), again.stderr
    assert f"Report on {undisturbed.champions[-1]}" in again.stdout


@pytest.mark.slow
def test_killed_again_and_again(start: Path, undisturbed: End, tmp_path: Path) -> None:
    whole = shutil.copytree(start, tmp_path / "whole")
    began = time.monotonic()
    assert run_process("retrain", "-w", whole).returncode == 0
    lasts_s = time.monotonic() - began
    dice, n_killed = random.Random(0), 0
    for number in range(N_KILLS // KILLS_IN_A_ROW):
        place = Path(shutil.copytree(start, tmp_path / str(number)))
        with served(place, tmp_path / "log") as service, watched(place, service) as found:
            for _ in range(KILLS_IN_A_ROW):
                n_killed += run_and_kill(["retrain"], place, dice.uniform(0.3, 1.1) * lasts_s)
            assert_ends_as(undisturbed, place, service, found)
        shutil.rmtree(place)
    assert n_killed > N_KILLS / 3
