"""Fine-tuned encoders in the workspace: there as they were, or not at all."""

import os
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.parts.transformer import Transformer
from firstline.training.candidates.encoder import tuned_cache
from firstline.training.candidates.encoder.tuned_cache import forget_parts, keep_part, kept_part
from tests.unit.bundle.parts.test_transformer import N_LABELS, TEXTS, part


@pytest.fixture(scope="module")
def tuned() -> Transformer:
    return part()


def test_what_is_kept_answers_as_it_did(tmp_path: Path, tuned: Transformer) -> None:
    keep_part(tmp_path, "one", tuned, 2.5)
    found = kept_part(tmp_path, "one", N_LABELS)
    assert found is not None
    assert found[1] == 2.5
    np.testing.assert_array_equal(found[0].predict_proba(TEXTS), tuned.predict_proba(TEXTS))
    assert kept_part(tmp_path, "other", N_LABELS) is None


@pytest.mark.parametrize("file", ["network.onnx", "tokenizer.json", "transformer.json", "seconds", "sha256"])
def test_what_is_damaged_is_not_there(tmp_path: Path, tuned: Transformer, file: str) -> None:
    keep_part(tmp_path, "one", tuned, 2.5)
    place = tmp_path / "tuned" / "one" / file
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    assert kept_part(tmp_path, "one", N_LABELS) is None
    place.unlink()
    assert kept_part(tmp_path, "one", N_LABELS) is None


def test_only_the_newest_stay(tmp_path: Path, tuned: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned_cache, "MOST", 2)
    for age, key in enumerate(("new", "older", "oldest")):
        keep_part(tmp_path, key, tuned, 2.5)
        os.utime(tmp_path / "tuned" / key, (1e9 - age, 1e9 - age))
    keep_part(tmp_path, "newest", tuned, 2.5)
    assert {place.name for place in (tmp_path / "tuned").iterdir()} == {"new", "newest"}


def test_what_was_asked_for_is_young_again_and_can_be_written_when_it_is_gone(
    tmp_path: Path, tuned: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuned_cache, "MOST", 2)
    for age, key in enumerate(("new", "old")):
        keep_part(tmp_path, key, tuned, 2.5)
        os.utime(tmp_path / "tuned" / key, (1e9 - age, 1e9 - age))
    found = kept_part(tmp_path, "old", N_LABELS)
    assert found is not None
    keep_part(tmp_path, "newest", tuned, 2.5)
    assert {place.name for place in (tmp_path / "tuned").iterdir()} == {"old", "newest"}
    forget_parts(tmp_path)
    (tmp_path / "bundle").mkdir()
    found[0].save(tmp_path / "bundle")
    assert (tmp_path / "bundle" / "network.onnx").stat().st_size


def test_where_there_is_no_room_nothing_is_kept_and_nothing_fails(tmp_path: Path, tuned: Transformer) -> None:
    (tmp_path / "tuned").write_text("a file in the way")
    keep_part(tmp_path, "one", tuned, 2.5)
    assert kept_part(tmp_path, "one", N_LABELS) is None


def test_what_is_forgotten_is_gone(tmp_path: Path, tuned: Transformer) -> None:
    keep_part(tmp_path, "one", tuned, 2.5)
    forget_parts(tmp_path)
    forget_parts(tmp_path)
    assert kept_part(tmp_path, "one", N_LABELS) is None


@pytest.mark.parametrize("seconds", ["nan", "-5", "1e309", "long"])
def test_seconds_that_cannot_be_are_not_believed(tmp_path: Path, tuned: Transformer, seconds: str) -> None:
    keep_part(tmp_path, "one", tuned, 2.5)
    place = tmp_path / "tuned" / "one"
    (place / "seconds").write_text(seconds)
    (place / "sha256").write_text(tuned_cache._digest(place))
    assert kept_part(tmp_path, "one", N_LABELS) is None
