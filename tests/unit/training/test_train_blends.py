"""Training: candidates that answer together."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import (
    TrainingError,
)
from firstline.evaluation.serving_cost import ServingCost
from firstline.training.results import Skipped
from firstline.training.runs import list_runs
from firstline.types import Message
from tests.examples import with_outsiders
from tests.trainings import Counted, by_name, run


def test_what_fails_takes_the_blend_that_it_is_a_part_of_along(
    tmp_path: Path, counted: type[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstline.training.mixture._LEAST_GAIN", -1.0)
    monkeypatch.setattr("firstline.training.blend._LEAST_GAIN", -1.0)
    monkeypatch.setattr(counted, "error", MemoryError())
    asked = ("counted.v1", "forest.v1", "blend.v1")
    monkeypatch.setattr(counted, "fails_in", 4)
    best_first = {"counted.v1": 0, "blend.v1": 1, "forest.v1": 2}
    monkeypatch.setattr(
        "firstline.training.train._best", lambda evaluated, _: min(evaluated, key=lambda one: best_first[one.name])
    )
    _, report = run(tmp_path, candidates=asked)
    assert report.model.candidate == report.reference == "forest.v1"
    assert [failed.reason for failed in report.skipped] == [
        "On all labels: Out of memory.",
        "counted.v1 is a part of it.",
    ]
    assert counted.n_fits == 4


def test_a_blend_within_the_latency_is_of_parts_that_are_so_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = {"linear.v1": 1.0, "lsa.v1": 6.0, "forest.v1": 6.0}

    def told(folder: Path, messages: Sequence[Message]) -> ServingCost:
        p99 = slow[folder.name.rpartition("-")[0]]
        return ServingCost({"p50": p99 / 2, "p99": p99}, 1)

    monkeypatch.setattr("firstline.training.compare.serving_cost", told)
    monkeypatch.setattr("firstline.training.mixture._LEAST_GAIN", -1.0)
    monkeypatch.setattr("firstline.training.blend._LEAST_GAIN", -1.0)
    asked = ("linear.v1", "lsa.v1", "forest.v1", "blend.v1")
    blends = [run(tmp_path / "a", candidates=asked, latency_ms=limit)[1].results[-1] for limit in (None, 8.0)]
    parts = [set(blend.mixture.weights) if blend.mixture else set() for blend in blends]
    assert parts[0] == set(slow)
    assert parts[1] in ({"linear.v1", "lsa.v1"}, {"linear.v1", "forest.v1"})
    assert [blend.latency_ms["p99"] for blend in blends] == [13.0, 7.0]
    assert {*parts[1], *(blends[1].mixture.too_slow if blends[1].mixture else ())} == set(slow)
    (before,) = list_runs(tmp_path / "a-runs")
    with pytest.raises(TrainingError, match=r"No candidate answers within 0\.99 ms"):
        run(tmp_path / "a", candidates=asked, latency_ms=0.99)
    # Nothing came of it, so nothing changes.
    (after,) = list_runs(tmp_path / "a-runs")
    assert (after.model, by_name(after)) == (before.model, by_name(before))


def test_a_blend_is_served_as_it_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.training.mixture._LEAST_GAIN", -1.0)
    monkeypatch.setattr("firstline.training.blend._LEAST_GAIN", -1.0)
    monkeypatch.setattr("firstline.training.train._best", lambda evaluated, _: evaluated[-1])
    _, report = run(tmp_path, candidates=("linear.v1", "lsa.v1", "blend.v1"))
    assert report.model.candidate == "blend.v1"
    assert [part.kind for part in report.model.parts] == ["tfidf_linear.v1", "tfidf_linear.v1"]
    blend = report.results[-1]
    assert blend.mixture is not None
    assert [part.weight for part in report.model.parts] == list(blend.mixture.weights.values())
    predictor = Predictor.load(tmp_path / report.model.id)
    assert predictor.predict([Message("банкомат съел карту", "customer")])[0].label == "Банкомат"


def test_a_blend_that_may_be_no_better_than_its_best_part_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstline.training.mixture._LEAST_GAIN", -1.0)
    _, report = run(tmp_path, candidates=("linear.v1", "lsa.v1", "blend.v1"))
    assert report.model.candidate in ("linear.v1", "lsa.v1")
    (skipped,) = report.skipped
    assert skipped.reason.endswith("which may be chance")


def test_a_blend_needs_two(tmp_path: Path) -> None:
    _, report = run(tmp_path, candidates=("linear.v1", "blend.v1"))
    assert [failed.candidate for failed in report.skipped] == ["blend.v1"]
    with pytest.raises(TrainingError, match="mixes other candidates"):
        run(tmp_path, candidates=("blend.v1",))


def test_a_blend_of_one_is_that_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.training.mixture._LEAST_GAIN", 100.0)
    _, report = run(tmp_path, candidates=("linear.v1", "lsa.v1", "blend.v1"))
    assert report.skipped == [Skipped("blend.v1", "no mixture is better than one candidate alone")]


def test_a_blend_with_outsiders_serves_what_was_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.training.mixture._LEAST_GAIN", -1.0)
    monkeypatch.setattr("firstline.training.blend._LEAST_GAIN", -1.0)
    monkeypatch.setattr("firstline.training.train._best", lambda evaluated, _: evaluated[-1])
    data = with_outsiders()
    _, report = run(tmp_path, data, candidates=("linear.v1", "lsa.v1", "blend.v1"), repeats=2)
    model = report.model
    assert (model.candidate, model.none, len(model.parts)) == ("blend.v1", True, 2)
    predictor = Predictor.load(tmp_path / model.id)
    assert predictor.predict([Message("банкомат съел карту", "customer")])[0].label == "Банкомат"
    record = predictor.decider.record
    assert record is not None
    assert (record.n_messages, record.is_none.sum()) == (len(data.labels) + 8, 16)
