"""`firstline advise`, as a user runs it."""

import json
from pathlib import Path

from tests.commands import Run


def test_advice_in_json(firstline: Run, trained: Path) -> None:
    done = firstline("advise", "-w", trained, "--candidates", "linear.v1,oracle.v1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["n_messages"], found["n_labelled"], found["n_unlabelled"]) == (30, 24, 6)
    assert len(found["classes"]) == 3
    linear, oracle = found["estimates"]
    assert linear["makes_sense"]
    assert linear["seconds"] > 0
    assert not oracle["makes_sense"]
    assert "There is no candidate 'oracle.v1'" in oracle["reason"]


def test_advice_for_people_ends_with_the_next_command(firstline: Run, trained: Path) -> None:
    done = firstline("advise", "-w", trained, "--candidates", "linear.v1,oracle.v1", "--folds", "3")
    assert done.returncode == 0, done.stderr
    assert "24 labelled, 6 unlabelled" in done.stdout
    assert "Estimates for 3 folds on this machine" in done.stdout
    assert f"Next: firstline train --candidates linear.v1 --folds 3 --workspace {trained}" in done.stdout


def test_codes_among_the_names_of_classes_are_named(firstline: Run, tmp_path: Path) -> None:
    workspace, history = tmp_path / "w", tmp_path / "history.csv"
    firstline("init", workspace)
    history.write_text("text,label\n" + "".join(f"card {n} is lost,A7\nno money {n},fees\n" for n in range(4)), "utf-8")
    firstline("import", history, "-w", workspace)
    done = firstline("advise", "-w", workspace, "--candidates", "linear.v1")
    assert "1 class name not learned (a code, or not unique): A7" in done.stdout


def test_a_workspace_without_labels_has_reasons_and_no_next_command(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    done = firstline("advise", "-w", tmp_path / "w", "--candidates", "linear.v1")
    assert done.returncode == 0, done.stderr
    assert "Training needs at least two classes, but the workspace has no labelled messages." in done.stdout
    assert "Next:" not in done.stdout
