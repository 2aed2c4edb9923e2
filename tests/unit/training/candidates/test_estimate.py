"""How a sample is scaled, on a clock of our own: not how fast this machine is."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.files import size_bytes
from firstline.bundle.parts.head import Head
from firstline.steps import run_to_end
from firstline.store.messages import Labelled
from firstline.training.candidates import estimate as module
from firstline.training.candidates.base import Context
from firstline.training.candidates.estimate import (
    Workload,
    encoding,
    from_sample,
    labelled_sample,
    processor_s,
    side_by_side,
)
from firstline.training.candidates.forest import Forest
from firstline.training.candidates.linear import Linear
from firstline.training.candidates.lsa import Lsa
from firstline.training.encoders.base import ServedPart
from firstline.training.encoders.vectors import missing_of, vectors_of
from firstline.types import Message
from tests.unit.training.candidates.workloads import CONTEXT, workload


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit takes a second, and answers take none."""
    seconds = iter([1.0, 0.0] * 20)
    monkeypatch.setattr(module, "clocked", lambda call: (next(seconds), call()))


def test_a_sample_that_is_the_whole_costs_what_was_measured(clock: None) -> None:
    work = workload(2, folds=2)
    seconds, _ = from_sample(Linear, work, growth=2.0)
    assert seconds == pytest.approx(2 * 0.5**2 + 1)


def test_what_is_left_out_of_a_sample_is_scaled_by_the_power(clock: None) -> None:
    work = workload(4, folds=2)
    assert from_sample(Linear, work, growth=1.0, n_labelled=48)[0] == pytest.approx(2 * 1 + 2)
    assert from_sample(Linear, work, growth=2.0, n_labelled=48)[0] == pytest.approx(2 * 1 + 4)


def test_reading_grows_in_step_with_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    # All of the fit is reading: as long as the answers to the same messages.
    monkeypatch.setattr(module, "clocked", lambda call: (1.0, call()))
    once = from_sample(Linear, workload(2, folds=2), growth=3.0)[0]
    assert once == pytest.approx(0.5 + 0.5 + 1 + 1)


def test_the_pool_is_read_in_every_training(clock: None) -> None:
    work = workload(2, n_unlabelled=48, folds=2)
    assert from_sample(Lsa, work, growth=1.0, n_pool=48)[0] == pytest.approx(2 * 0.75 + 1)
    assert from_sample(Lsa, work, growth=1.0, n_pool=48, n_threads=2.0)[0] == pytest.approx((2 * 0.75 + 1) / 2)


def test_disk_is_what_an_export_takes(tmp_path: Path) -> None:
    work = workload(4)
    Linear(CONTEXT.rules).fit(work.data.messages, work.data.labels, []).export(tmp_path)
    assert Linear.estimate(work).disk_bytes == pytest.approx(size_bytes(tmp_path), rel=0.1)


@pytest.mark.parametrize("kind", [Linear, Lsa, Forest])
def test_messages_that_share_no_word_can_be_measured(kind: type[Linear] | type[Forest]) -> None:
    texts = ["абвгд", "ежзий", "клмно", "прсту"]
    pool = [Message("фхцчш"), Message("щъыьэ")]
    work = Workload(Labelled([Message(text) for text in texts], ["a", "b", "a", "b"], pool, 0), CONTEXT, 2)
    found = kind.estimate(work)
    assert found.seconds > 0
    assert found.memory_bytes > found.disk_bytes > 0


def test_lsa_makes_no_sense_without_a_pool() -> None:
    makes_sense, reason = Lsa.eligible(workload(2, n_unlabelled=6))
    assert not makes_sense
    assert "has too few unlabelled messages to learn from: 6;" in reason
    assert "with 48 labels it needs 24" in reason
    assert Lsa.eligible(workload(2, n_unlabelled=40))[0]


def test_a_sample_has_two_classes_if_the_labels_have() -> None:
    labels = ["a"] * 99 + ["b"]
    work = Workload(Labelled([Message(str(place)) for place in range(100)], labels, [], 0), CONTEXT, 5)
    messages, drawn = labelled_sample(work, 3)
    assert set(drawn) == {"a", "b"}
    assert Message("99") in messages


def test_the_clock_counts_processors_and_ended_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "process_time", lambda: 5.0)
    monkeypatch.setattr(os, "times", lambda: SimpleNamespace(children_user=2.0, children_system=0.5))
    assert processor_s() == 7.5


def test_two_cores_are_nearly_twice_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert side_by_side(1) == 1
    assert 1.6 < side_by_side() < 2


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

    def clocked(call: Callable[[], object]) -> tuple[float, object]:
        before = len(fake.asked)
        made = call()
        return 0.5 + 0.1 * (len(fake.asked) - before), made

    monkeypatch.setattr(module, "clocked", clocked)
    return fake


def test_vectors_of_all_texts_are_made_if_none_is_kept(encoder: Fake) -> None:
    found = encoding(TEXTS, encoder, CONTEXT)
    assert found.seconds == pytest.approx(0.5 + 0.1 * 101)
    assert found.disk_bytes == 2 * 3 * 101
    assert len(set(encoder.asked)) == 32


def test_texts_whose_vectors_are_kept_cost_nothing(tmp_path: Path, encoder: Fake) -> None:
    context = Context(CONTEXT.rules, folder=tmp_path)
    run_to_end(vectors_of(TEXTS[:60], encoder, context.vectors))
    assert encoding(TEXTS, encoder, context).seconds == pytest.approx(0.5 + 0.1 * 41)
    assert encoding(TEXTS, encoder, context, is_kept=False).seconds == pytest.approx(0.5 + 0.1 * 101)
    run_to_end(vectors_of(TEXTS, encoder, context.vectors))
    assert encoding(TEXTS, encoder, context).seconds == 0


def test_a_text_that_comes_twice_is_missing_once(tmp_path: Path, encoder: Fake) -> None:
    run_to_end(vectors_of(["текст 1"], encoder, tmp_path))
    assert missing_of(["текст 1", "текст 2", "текст 2"], encoder.id, tmp_path) == ["текст 2"]
