"""Training: the learning curve."""

from pathlib import Path

import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import (
    FileUnwritable,
)
from firstline.steps import Note
from tests.examples import examples
from tests.trainings import run


def test_a_learning_curve_that_fails_costs_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise FileUnwritable("no room for vectors.")

    monkeypatch.setattr("firstline.training.curve.learning_curve", fails)
    events, report = run(tmp_path, has_curve=True)
    assert Note("no learning curve: no room for vectors.") in events
    assert report.is_new


def test_the_learning_curve_is_kept_in_the_bundle(tmp_path: Path) -> None:
    _, report = run(tmp_path, has_curve=True)
    curve = report.model.learning_curve
    assert curve is not None
    assert (curve.candidate, curve.n_labels) == ("linear.v1", len(examples().labels))
    assert (tmp_path / report.model.id / "learning_curve.svg").read_text("utf-8").startswith("<svg")
    assert Predictor.load(tmp_path / report.model.id).manifest.learning_curve == curve


def test_a_learning_curve_that_takes_long_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.training.curve._MOST_S", 1e-9)
    events, report = run(tmp_path, has_curve=True)
    assert report.model.learning_curve is None
    (said,) = [event.text for event in events if isinstance(event, Note) and "no learning curve: even" in event.text]
    assert said.endswith(" s, with 1e-09 s at most for a curve")


def test_a_learning_curve_has_fewer_repetitions_where_time_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = run(tmp_path / "whole", has_curve=True)
    (row,) = whole.results
    # As long as two and a half repetitions at four sizes take, by what the folds took.
    monkeypatch.setattr("firstline.training.curve._MOST_S", row.training_s / 3 * 4 * 2.5)
    _, short = run(tmp_path / "whole", has_curve=True)
    assert whole.model.learning_curve and short.model.learning_curve
    assert 0 < short.model.learning_curve.points[0].n_held_out < whole.model.learning_curve.points[0].n_held_out
