"""What `encoder.v1` and `embedding.v1` say that they take."""

from dataclasses import replace

import pytest

from firstline.errors import EncoderUnusable
from firstline.settings.model import EncoderSettings
from firstline.training.candidates import embedding
from firstline.training.candidates.embedding import Embedding
from firstline.training.candidates.encoder import candidate
from firstline.training.candidates.encoder.candidate import FineTuned
from firstline.training.candidates.estimate import Estimate
from firstline.training.estimates import eligible
from tests.encoders import small_encoder
from tests.unit.training.candidates.workloads import CONTEXT, workload

WITH_ENCODER = replace(CONTEXT, encoder=EncoderSettings(name=str(small_encoder())))


def test_frozen_vectors_are_computed_once_and_once_more_by_what_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "encoding", lambda *_, **__: Estimate(10.0, 0, 100))
    assert Embedding.estimate(workload(2, context=WITH_ENCODER)).seconds == pytest.approx(20)


def test_fine_tuning_takes_its_batches_in_every_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1_000))
    monkeypatch.setattr(candidate, "processor_s", lambda: float(next(now)))
    monkeypatch.setattr(candidate, "side_by_side", lambda: 1.0)
    work = replace(workload(20, context=WITH_ENCODER), is_compared_only=True)
    two, twice, many = (
        FineTuned.tuning(replace(work, folds=folds, repeats=repeats), FineTuned._require(WITH_ENCODER))
        for folds, repeats in ((2, 1), (2, 2), (2, 10))
    )
    assert two.seconds > 0
    assert twice.seconds == pytest.approx(2 * two.seconds)
    # No more than eight are kept.
    assert many.disk_bytes == pytest.approx(4 * two.disk_bytes, rel=1e-3)


def test_a_teacher_is_counted_if_there_is_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FineTuned, "tuning", lambda *_: Estimate(1.0, 0, 0))
    monkeypatch.setattr(candidate, "encoding", lambda *_, **__: Estimate(2.0, 0, 0))
    monkeypatch.setattr(candidate, "teaching", lambda *_: Estimate(4.0, 0, 0))
    without, with_pool = (FineTuned.estimate(workload(2, n, context=WITH_ENCODER)).seconds for n in (0, 6))
    assert (without, with_pool) == (3.0, 7.0)


def test_a_real_estimate_has_figures() -> None:
    found = FineTuned.estimate(workload(2, n_unlabelled=20, context=WITH_ENCODER))
    assert found.seconds > 0
    assert found.memory_bytes > found.disk_bytes > 0


def test_without_an_encoder_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise EncoderUnusable("there is none.", "Install one.")

    monkeypatch.setattr(embedding, "require_encoder", missing)
    assert eligible("embedding.v1", workload(2)) == (False, "there is none. Install one.")
