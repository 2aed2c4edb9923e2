from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.steps import run_to_end
from firstline.training import sentence_vectors
from firstline.training.costs import vectors
from firstline.training.costs.vectors import VectorsCost
from firstline.training.sentence_vectors import missing_of, vectors_of

TEXTS = [f"текст {n}" for n in range(101)]


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """It opens in half a second and takes a tenth for a text, on a clock of its own."""
    asked: list[str] = []

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(texts)
        return np.array([[len(text), int(text.split()[1]), 1] for text in texts], np.float32)

    def timed(call: Callable[[], object]) -> tuple[float, object]:
        before = len(asked)
        made = call()
        return 0.5 + 0.1 * (len(asked) - before), made

    monkeypatch.setitem(sentence_vectors._ENCODERS, "fake", ("numpy", lambda: encode))
    monkeypatch.setattr(vectors, "timed", timed)
    return asked


def test_seconds_are_for_all_texts_that_are_missing() -> None:
    found = VectorsCost.of(TEXTS, "fake", None, seed=0)
    assert found.seconds == pytest.approx(0.5 + 0.1 * 101)
    assert found.disk_bytes == 2 * 3 * 101
    assert found.n_dimensions == 3


def test_thirty_two_texts_are_enough_to_measure(encoder: list[str]) -> None:
    VectorsCost.of(TEXTS, "fake", None, seed=0)
    assert len(set(encoder)) == 32


def test_texts_that_are_kept_cost_nothing(tmp_path: Path) -> None:
    run_to_end(vectors_of(TEXTS[:60], "fake", tmp_path))
    assert VectorsCost.of(TEXTS, "fake", tmp_path, seed=0).seconds == pytest.approx(0.5 + 0.1 * 41)
    run_to_end(vectors_of(TEXTS, "fake", tmp_path))
    assert VectorsCost.of(TEXTS, "fake", tmp_path, seed=0) == VectorsCost(0.0, 0, 3)


def test_a_text_that_comes_twice_is_missing_once(tmp_path: Path) -> None:
    run_to_end(vectors_of(["текст 1"], "fake", tmp_path))
    assert missing_of(["текст 1", "текст 2", "текст 2"], "fake", tmp_path) == ["текст 2"]
