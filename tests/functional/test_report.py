"""`firstline report`: a page about a model, for the workspace's owner only."""

import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.registry import champion_id
from firstline.evaluation.held_out import HeldOut, held_out_file
from firstline.store.messages import StoredMessage, read_for_training
from firstline.store.workspace import Workspace
from tests.bundles import make_bundle
from tests.commands import Run


@pytest.fixture
def judged(trained: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with a model and its held-out answers, every fourth of them wrong."""
    folder = Path(shutil.copytree(trained, tmp_path / "judged"))
    workspace = Workspace.find(folder)
    model = champion_id(workspace.models)
    assert model is not None
    save_answers(workspace, model)
    return folder


def save_answers(workspace: Workspace, model: str) -> None:
    data = read_for_training(workspace.database)
    names = sorted(set(data.labels))
    truth = np.array([names.index(label) for label in data.labels])
    predicted = np.where(np.arange(len(truth)) % 4 == 3, (truth + 1) % len(names), truth)
    probabilities = np.full((len(truth), len(names)), 0.1, np.float32)
    probabilities[np.arange(len(truth)), predicted] = 0.8
    keys = [np.frombuffer(StoredMessage(one.text, one.segment).key, np.uint8) for one in data.messages]
    answers = HeldOut(model, tuple(names), np.stack(keys), truth, probabilities, np.zeros(len(truth), np.float32))
    for run in workspace.runs.iterdir():
        answers.save(held_out_file(run, model))


def test_a_page_in_the_language_of_the_workspace_for_its_owner_only(firstline: Run, judged: Path) -> None:
    done = firstline("report", "-w", judged)
    assert done.returncode == 0, done.stderr
    pages = list((judged / "reports").iterdir())
    assert [page.suffix for page in pages] == [".html"]
    assert str(pages[0]) in done.stdout
    assert stat.S_IMODE(pages[0].stat().st_mode) == 0o600
    assert stat.S_IMODE((judged / "reports").stat().st_mode) == 0o700
    text = pages[0].read_text("utf-8")
    assert '<html lang="ru">' in text
    assert "Что модель путает" in text
    assert text.count("<q ") > 2


def test_it_goes_where_it_is_sent(firstline: Run, judged: Path, tmp_path: Path) -> None:
    out = tmp_path / "lead.html"
    out.touch(mode=0o644)
    found = json.loads(firstline("report", "-w", judged, "--language", "en", "--out", out, "--json").stdout)
    assert (found["file"], found["language"]) == (str(out), "en")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "What the model confuses" in out.read_text("utf-8")
    assert not (judged / "reports").exists()


@pytest.mark.parametrize("out", ["no such folder/page.html", "."])
def test_a_page_that_cannot_be_written_is_named(firstline: Run, judged: Path, tmp_path: Path, out: str) -> None:
    done = firstline("report", "--workspace", judged, "--out", tmp_path / out)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {tmp_path / out} cannot be written: ")
    assert not (tmp_path / "no such folder").exists()


def test_an_unknown_language_is_refused(firstline: Run, judged: Path) -> None:
    done = firstline("report", "-w", judged, "--language", "fr")
    assert done.returncode == 2
    assert "'fr' is not a language of the report." in done.stderr


def test_a_model_from_elsewhere_has_its_own_figures_and_the_champion_beside(firstline: Run, judged: Path) -> None:
    other = make_bundle(judged / "models")
    done = firstline("report", "-w", judged, "--model", other.id, "--language", "en")
    assert done.returncode == 0, done.stderr
    assert "firstline train" in done.stderr
    text = (judged / "reports" / f"{other.id}.html").read_text("utf-8")
    assert "90 of 100" in text
    assert f"The champion, <bdi>{champion_id(judged / 'models')}</bdi>" in text


def test_without_a_model_it_says_what_to_do(firstline: Run, imported: Path) -> None:
    done = firstline("report", "-w", imported)
    assert done.returncode == 1
    assert "firstline train" in done.stderr


def test_a_machine_without_the_database_gets_a_page(firstline: Run, judged: Path) -> None:
    (judged / "firstline.db").unlink()
    done = firstline("report", "-w", judged)
    assert done.returncode == 0, done.stderr
    assert "<q " not in next((judged / "reports").iterdir()).read_text("utf-8")
    assert not (judged / "firstline.db").exists()


def test_forget_deletes_pages_that_quote_the_message(firstline: Run, judged: Path) -> None:
    firstline("report", "-w", judged)
    page = next((judged / "reports").iterdir())
    (judged / "reports" / "a.html").mkdir()  # Where something else is in the way, pages still go.
    workspace = Workspace.find(judged)
    quoted = next(
        one.text for one in read_for_training(workspace.database).messages if one.text in page.read_text("utf-8")
    )
    (judged / "text.txt").write_text(quoted, "utf-8")
    rehearsed = firstline("forget", "--text", judged / "text.txt", "--dry-run", "-w", judged)
    assert f"Reports that quoted some of them, would be deleted: {page.name}" in rehearsed.stdout
    assert page.exists()
    done = firstline("forget", "--text", judged / "text.txt", "-w", judged)
    assert f"Reports that quoted some of them, deleted: {page.name}" in done.stdout
    assert not page.exists()
    again = firstline("report", "-w", judged)
    assert again.returncode == 0
    assert quoted not in page.read_text("utf-8")
