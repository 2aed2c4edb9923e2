"""What a run keeps, and what it reads back."""

import errno
from pathlib import Path

import msgspec
import numpy as np
import pytest

from firstline.errors import FileUnwritable
from firstline.evaluation.held_out import HeldOut, find_held_out, keys_of
from firstline.training.folds import Fold
from firstline.training.provenance import key_of
from firstline.training.runs import FILE_NAME, Run, RunCard, RunRow, list_runs
from firstline.training.saved_folds import Cost
from firstline.types import Message

DRAFT = RunCard("", key_of({"data": "a"}), "", 30, 5, 3, 5, 0)


def fold(number: int = 1) -> Fold:
    return Fold(number, np.array([0, 2]), np.eye(3, dtype=np.float32)[:2], np.array([True, True, False]), 1.5, None)


def held_out(model: str) -> HeldOut:
    keys = keys_of([Message("раз"), Message("два")])
    return HeldOut(model, ("a", "b"), keys, np.array([0, 1]), np.eye(2, dtype=np.float32), np.zeros(2, np.float32))


def test_a_fold_is_read_as_it_was_kept(tmp_path: Path) -> None:
    run = Run.begin(tmp_path, DRAFT)
    run.of("linear.v1").save_fold(0, fold())
    found = Run.begin(tmp_path, DRAFT).of("linear.v1").fold(0, 1)
    assert found is not None
    np.testing.assert_array_equal(found.held_out, [0, 2])
    np.testing.assert_array_equal(found.probabilities, fold().probabilities)
    np.testing.assert_array_equal(found.learned, [True, True, False])
    assert found.seconds == 1.5


@pytest.mark.parametrize("what", [("linear.v1", 0, 2), ("linear.v1", 1, 1), ("forest.v1", 0, 1)])
def test_other_folds_are_not_there(tmp_path: Path, what: tuple[str, int, int]) -> None:
    run = Run.begin(tmp_path, DRAFT)
    run.of("linear.v1").save_fold(0, fold())
    assert run.of(what[0]).fold(*what[1:]) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"nonsense"])
def test_a_damaged_fold_is_trained_again(tmp_path: Path, content: bytes) -> None:
    run = Run.begin(tmp_path, DRAFT)
    run.of("linear.v1").save_fold(0, fold())
    next((run.folder / "linear.v1").glob("*.npz")).write_bytes(content)
    assert run.of("linear.v1").fold(0, 1) is None


def test_the_same_again_goes_on_and_anything_else_begins_anew(tmp_path: Path) -> None:
    first = Run.begin(tmp_path, DRAFT)
    again = Run.begin(tmp_path, DRAFT)
    assert (first.is_old, again.is_old, again.folder) == (False, True, first.folder)
    other = Run.begin(tmp_path, msgspec.structs.replace(DRAFT, key=key_of({"data": "b"})))
    assert not other.is_old
    assert other.folder != first.folder


def test_a_fresh_run_is_another(tmp_path: Path) -> None:
    first = Run.begin(tmp_path, DRAFT)
    first.of("linear.v1").save_fold(0, fold())
    fresh = Run.begin(tmp_path, DRAFT, is_fresh=True)
    assert fresh.of("linear.v1").fold(0, 1) is None
    assert fresh.folder != first.folder
    assert len(list_runs(tmp_path)) == 2


def test_costs_and_rows_are_kept(tmp_path: Path) -> None:
    run = Run.begin(tmp_path, DRAFT)
    cost = Cost({"p50": 1.0, "p99": 2.0}, 100, 200)
    run.of("linear.v1").save_cost(cost)
    assert run.of("linear.v1").cost() == cost
    assert run.of("forest.v1").cost() is None
    run.save_row(RunRow("linear.v1", macro_f1=0.5))
    run.save_row(RunRow("forest.v1", problem="no memory"))
    run.save_row(RunRow("linear.v1", macro_f1=0.6))
    run.finish(held_out("linear.v1-abc"))
    (found,) = list_runs(tmp_path)
    assert {row.candidate: row.macro_f1 for row in found.rows} == {"linear.v1": 0.6, "forest.v1": None}
    assert found.model == "linear.v1-abc"
    assert found.finished_at
    assert find_held_out(tmp_path, "linear.v1-abc").labels == ("a", "b")


def test_what_cannot_be_read_is_no_run(tmp_path: Path) -> None:
    run = Run.begin(tmp_path, DRAFT)
    (tmp_path / "a file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / FILE_NAME).write_text("{")
    (tmp_path / "renamed").mkdir()
    (tmp_path / "renamed" / FILE_NAME).write_bytes((run.folder / FILE_NAME).read_bytes())
    assert [card.id for card in list_runs(tmp_path)] == [run.card.id]
    assert list_runs(tmp_path / "nowhere") == []


def test_runs_that_are_no_folder_are_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(FileUnwritable, match="is not a folder"):
        Run.begin(tmp_path / "runs", DRAFT)


def test_key_tells_what_decides() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_no_room_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = Run.begin(tmp_path, DRAFT)
    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(FileUnwritable, match="No space left") as caught:
        run.of("linear.v1").save_fold(0, fold())
    assert caught.value.next_step == "Free some space"
    assert not list(run.folder.rglob("*.npz*"))


def test_folds_with_other_settings_do_not_count(tmp_path: Path) -> None:
    run = Run.begin(tmp_path, DRAFT)
    run.of("linear.v1").save_fold(0, fold())
    assert run.of("linear.v1", {"C": 1.0}).fold(0, 1) is None
    run.of("linear.v1", {"C": 1.0}).save_fold(0, fold())
    assert run.of("linear.v1", {"C": 1.0}).fold(0, 1) is not None
    assert run.of("linear.v1", {"C": 2.0}).fold(0, 1) is None
    assert run.of("linear.v1", {}).fold(0, 1) is not None


def test_folds_that_started_from_something_else_do_not_count(tmp_path: Path) -> None:
    run = Run.begin(tmp_path, DRAFT)
    run.of("ulmfit.v1", origin="one language model").save_fold(0, fold())
    assert run.of("ulmfit.v1", origin="another").fold(0, 1) is None
    assert run.of("ulmfit.v1", origin="one language model").fold(0, 1) is not None


@pytest.mark.parametrize("latency_ms", ["{}", '{"p50":1.0}', '{"p50":1.0,"p99":-1.0}'])
def test_a_cost_without_figures_is_measured_again(tmp_path: Path, latency_ms: str) -> None:
    run = Run.begin(tmp_path, DRAFT)
    run.of("linear.v1").save_cost(Cost({"p50": 1.0, "p99": 2.0}, 1, 1))
    assert run.of("linear.v1").cost() is not None
    (run.folder / "linear.v1" / "cost.json").write_text(
        f'{{"latency_ms":{latency_ms},"memory_bytes":1,"size_bytes":1,"settings":{{}}}}'
    )
    assert run.of("linear.v1").cost() is None


def test_a_blend_that_is_none_any_more_is_no_line_any_more(tmp_path: Path) -> None:
    run = Run.begin(tmp_path, DRAFT)
    run.save_row(RunRow("linear.v1", accuracy=0.5))
    run.save_row(RunRow("blend.v1", accuracy=0.6, weights={"linear.v1": 0.5, "lsa.v1": 0.5}))
    run.save_row(RunRow("linear.v1", problem="no memory"))
    run.save_row(RunRow("blend.v1", problem="One candidate alone answers best."))
    assert [(row.candidate, row.problem) for row in run.card.rows] == [
        ("linear.v1", ""),
        ("blend.v1", "One candidate alone answers best."),
    ]


def test_a_run_that_goes_on_is_not_finished(tmp_path: Path) -> None:
    Run.begin(tmp_path, DRAFT).finish(held_out("linear.v1-1"))
    again = Run.begin(tmp_path, DRAFT)
    # As it was, if nothing comes of it.
    assert list_runs(tmp_path)[0].finished_at
    assert list_runs(tmp_path)[0].model == "linear.v1-1"
    again.of("lsa.v1").save_fold(0, fold())
    assert (list_runs(tmp_path)[0].finished_at, list_runs(tmp_path)[0].model) == ("", "")


def test_what_is_nested_without_end_is_damaged(tmp_path: Path) -> None:
    run = Run.begin(tmp_path, DRAFT)
    deep = b'{"x":' + b"[" * 100_000
    (run.folder / "linear.v1").mkdir()
    (run.folder / "linear.v1" / "cost.json").write_bytes(deep)
    assert run.of("linear.v1").cost() is None
    (run.folder / FILE_NAME).write_bytes(deep)
    assert list_runs(tmp_path) == []
