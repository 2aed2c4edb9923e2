"""Held-out answers and messages made by hand, for tests of the report."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.decisions import Decider
from firstline.bundle.learning_curve import Expected, LearningCurve, Point, PowerLaw
from firstline.bundle.manifest import Manifest
from firstline.bundle.promise import DEFAULT, Promise
from firstline.evaluation.held_out import HeldOut
from firstline.evaluation.report.build import Sources
from firstline.store.messages import StoredMessage
from firstline.store.named import NamedMessage
from firstline.types import Label
from tests.bundles import LABELS, manifest

MODEL = "linear.v1-00000000"


def answers(labels: Sequence[Label] = LABELS, n: int = 120, seed: int = 0) -> tuple[HeldOut, dict[bytes, NamedMessage]]:
    """Answers to `n` messages, four of five right, and the messages by key. The surer, the more often right."""
    random = np.random.default_rng(seed)
    truth = np.arange(n) % len(labels)
    is_right = np.arange(n) % 5 != 4
    predicted = np.where(is_right, truth, (truth + 1) % len(labels))
    confidence = np.where(is_right, random.uniform(0.7, 0.99, n), random.uniform(0.5, 0.8, n))
    rest = (1 - confidence) / (len(labels) - 1)
    probabilities = np.repeat(rest[:, None], len(labels), axis=1).astype(np.float32)
    probabilities[np.arange(n), predicted] = confidence
    texts = [f"сообщение {place}" for place in range(n)]
    keys = [StoredMessage(text).key for text in texts]
    held_out = HeldOut(
        MODEL,
        tuple(labels),
        np.stack([np.frombuffer(key, np.uint8) for key in keys]),
        truth,
        probabilities,
        np.zeros(n, np.float32),
    )
    return held_out, {
        key: NamedMessage(text, None, [labels[int(place)]]) for key, text, place in zip(keys, texts, truth, strict=True)
    }


def with_texts(sources: Sources, texts: dict[int, str]) -> Sources:
    """The sources with other texts at some places; the keys stay."""
    assert sources.held_out is not None
    messages = dict(sources.messages)
    for place, text in texts.items():
        key = sources.held_out.keys[place].tobytes()
        messages[key] = replace(messages[key], text=text)
    return replace(sources, messages=messages)


def model(labels: Sequence[Label] = LABELS, has_curve: bool = True) -> Manifest:
    """A manifest with figures, latency, settings and a learning curve."""
    draft = manifest()
    curve = LearningCurve(
        "linear.v1",
        0,
        100,
        500,
        tuple(Point(n, n / 200, n / 200 - 0.1, n / 200 + 0.1, 0.5, 0.4, 0.6, 5, 100) for n in (25, 50, 100)),
        law=PowerLaw(0.1, 2.0, 0.4),
        now=Expected(100, 0.58, 0.5, 0.62),
        expected=Expected(600, 0.745, 0.6, 0.9),
    )
    assert draft.training is not None
    training = msgspec.structs.replace(
        draft.training, candidate_settings={"C": 30.0, "members": {"lsa.v1": {"n_components": 200}}}
    )
    measured = msgspec.structs.replace(draft.measured, latency_ms={"p50": 0.25, "p99": 1.5}, memory_bytes=8_900_000)
    return msgspec.structs.replace(
        draft,
        id=MODEL,
        labels=tuple(labels),
        training=training,
        measured=measured,
        learning_curve=curve if has_curve else None,
    )


def sources(labels: Sequence[Label] = LABELS, n: int = 120) -> Sources:
    """A report with everything in it, about the champion."""
    held_out, messages = answers(labels, n)
    return Sources(model(labels), is_champion=True, held_out=held_out, messages=messages, decider=decider_of(held_out))


def decider_of(
    held_out: HeldOut, promise: Promise = DEFAULT, n_outsiders: int = 0, always_review: Sequence[Label] = ()
) -> Decider:
    """Decides by these answers; the last `n_outsiders` are to messages of none of the classes."""
    n = len(held_out.truth)
    is_none = np.arange(n) >= n - n_outsiders
    record = AnswerRecord.of(held_out.probabilities[None], held_out.truth, held_out.novelty[None], is_none)
    return Decider(record, held_out.labels, promise, always_review)
