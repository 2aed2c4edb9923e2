from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head
from firstline.steps import run_to_end
from firstline.training.costs import vectors
from firstline.training.costs.vectors import VectorsCost
from firstline.training.encoders.base import ServedPart
from firstline.training.encoders.vectors import missing_of, vectors_of

TEXTS = [f"текст {n}" for n in range(101)]


class Fake:
    """Remembers what it was asked."""

    name = id = "fake"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.extend(texts)
        return np.array([[len(text), int(text.split()[1]), 1] for text in texts], np.float32)

    def part(self, head: Head, texts: Sequence[str]) -> ServedPart:
        raise NotImplementedError


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """It opens in half a second and takes a tenth for a text, on a clock of its own."""
    fake = Fake()

    def timed(call: Callable[[], object]) -> tuple[float, object]:
        before = len(fake.asked)
        made = call()
        return 0.5 + 0.1 * (len(fake.asked) - before), made

    monkeypatch.setattr(vectors, "timed", timed)
    return fake


def test_seconds_are_for_all_texts_that_are_missing(encoder: Fake) -> None:
    found = VectorsCost.of(TEXTS, encoder, None, seed=0)
    assert found.seconds == pytest.approx(0.5 + 0.1 * 101)
    assert found.disk_bytes == 2 * 3 * 101
    assert found.n_dimensions == 3


def test_thirty_two_texts_are_enough_to_measure(encoder: Fake) -> None:
    VectorsCost.of(TEXTS, encoder, None, seed=0)
    assert len(set(encoder.asked)) == 32


def test_texts_that_are_kept_cost_nothing(tmp_path: Path, encoder: Fake) -> None:
    run_to_end(vectors_of(TEXTS[:60], encoder, tmp_path))
    assert VectorsCost.of(TEXTS, encoder, tmp_path, seed=0).seconds == pytest.approx(0.5 + 0.1 * 41)
    run_to_end(vectors_of(TEXTS, encoder, tmp_path))
    assert VectorsCost.of(TEXTS, encoder, tmp_path, seed=0) == VectorsCost(0.0, 0, 3)


def test_a_text_that_comes_twice_is_missing_once(tmp_path: Path, encoder: Fake) -> None:
    run_to_end(vectors_of(["текст 1"], encoder, tmp_path))
    assert missing_of(["текст 1", "текст 2", "текст 2"], encoder.id, tmp_path) == ["текст 2"]
