"""A training whose folds are trained somewhere else gives what it gives here."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firstline.search.workers import Limits, Workers, portable
from firstline.steps import run_to_end
from firstline.store.messages import Labelled
from firstline.text.rules import TextRules
from firstline.training import candidates, cross_validation
from firstline.training.candidates.base import Candidate, Context
from firstline.training.cross_validation import OneFold
from firstline.training.folds import Fold
from firstline.training.place import Answer, Bench, Place, Task
from firstline.training.request import TrainingRequest
from firstline.training.results import Result
from firstline.training.train import TrainReport, train
from tests.examples import examples, with_outsiders
from tests.trainings import QUICK

CONTEXT = Context(TextRules.of_language("ru"))


@dataclass
class Elsewhere:
    """Another machine that is this one; it answers in another order than it was asked."""

    problem: str = ""
    asked: list[Task[object]] = field(default_factory=list)

    def run(
        self, bench: Bench, tasks: Sequence[Task[Answer]], deadline: float | None = None
    ) -> Generator[tuple[Task[Answer], Answer], None, None]:
        self.asked += tasks
        bench = portable(bench)
        for task in reversed(tasks):
            yield task, task.failed(self.problem, 0.0) if self.problem else task(bench)


def run(
    folder: Path,
    place: Place | None,
    candidates: tuple[str, ...] = ("linear.v1",),
    repeats: int = 1,
    data: Labelled | None = None,
) -> TrainReport:
    questions = TrainingRequest(candidates, 3, 0, repeats, has_curve=False)
    training = train(data or examples(), QUICK, folder / "models", folder / "runs", questions, place=place)
    return run_to_end(training)


def figures(report: TrainReport) -> list[tuple[object, ...]]:
    rows: list[Result] = report.results
    return [(row.candidate, row.figures, row.calibrator, row.reliability) for row in rows]


def test_figures_and_model_are_those_of_a_training_here(tmp_path: Path) -> None:
    elsewhere = Elsewhere()
    names, repeats = ("linear.v1", "forest.v1"), 2
    there = run(tmp_path / "there", elsewhere, names, repeats=repeats)
    here = run(tmp_path / "here", None, names, repeats=repeats)
    assert figures(there) == figures(here)
    assert there.model.id == here.model.id
    assert len(elsewhere.asked) == 2 * (3 * repeats - 1)


def test_outsiders_are_learned_there_as_here(tmp_path: Path) -> None:
    data = with_outsiders()
    there, here = (run(tmp_path / name, place, data=data) for name, place in (("there", Elsewhere()), ("here", None)))
    assert there.model.none
    assert there.model.id == here.model.id


def test_nothing_that_is_kept_is_asked_for_again(tmp_path: Path) -> None:
    run(tmp_path, None)
    elsewhere = Elsewhere()
    run(tmp_path, elsewhere, repeats=2)
    assert {task.repeat for task in elsewhere.asked if isinstance(task, OneFold)} == {1}


def test_a_problem_there_is_the_candidates_line(tmp_path: Path) -> None:
    run(tmp_path, None)
    report = run(tmp_path, Elsewhere("Its process ended (exit code -9)."), ("linear.v1", "forest.v1"))
    assert [row.candidate for row in report.results] == ["linear.v1"]
    assert [(failed.candidate, failed.reason) for failed in report.skipped] == [
        ("forest.v1", "Its process ended (exit code -9).")
    ]


def test_what_folds_share_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("linear.v1", examples(), CONTEXT, 3, 0)
    made = []
    find = candidates.find_candidate

    def counting(name: str) -> type[Candidate]:
        made.append(name)
        return find(name)

    monkeypatch.setattr(cross_validation, "find_candidate", counting)
    for number in (1, 2):
        assert isinstance(OneFold(0, number, 0)(bench), Fold)
    assert made == ["linear.v1"]


def test_what_a_fold_raises_is_said() -> None:
    bench = Bench("no.v1", examples(), CONTEXT, 3, 0)
    found = OneFold(0, 1, 0)(bench)
    assert isinstance(found, str)
    assert "no.v1" in found


@pytest.mark.slow
def test_processes_here_can_be_that_place(tmp_path: Path) -> None:
    with Workers(Limits(), 1) as workers:
        there = run(tmp_path / "there", workers)
    assert figures(there) == figures(run(tmp_path / "here", None))
