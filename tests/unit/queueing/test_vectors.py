"""The queue has vectors with a sentence encoder and without one."""

import numpy as np
import pytest

from firstline.labelling.prototypes import suggestions
from firstline.queueing.vectors import queue_vectors
from firstline.settings.model import EncoderSettings
from firstline.steps import run_to_end
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context
from firstline.types import Message
from tests.encoders import CountingEncoder

TEXTS = [f"{what} {number}" for what in ("заблокировать карту", "оплатить кредит") for number in range(20)]
MESSAGES = [Message(text, "lead") for text in TEXTS]


def context_with(encoder: str) -> Context:
    return Context(TextRules.of_language("ru"), encoder=EncoderSettings(name=encoder))


def test_words_are_counted_without_an_encoder() -> None:
    messages, named = run_to_end(queue_vectors(context_with("none"), MESSAGES, ["кредит", "карту"]))
    assert len(messages) == 40
    assert np.allclose(np.linalg.norm(messages, axis=1), 1, atol=1e-5)
    first = suggestions(messages, named).places[:, 0]
    assert first.tolist() == [1] * 20 + [0] * 20


def test_an_encoder_gives_its_vectors_around_the_mean_of_the_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = CountingEncoder()
    monkeypatch.setattr("firstline.queueing.vectors.find_encoder", lambda *_: encoder)
    messages, named = run_to_end(queue_vectors(context_with("any"), [Message("1", "lead"), Message("22")], ["о" * 9]))
    assert set(encoder.asked) == {"lead. 1", "22", "о" * 9}
    # 7 and 2 characters, no о, digits that add up to 1 and 4; the mean is 4.5, 0 and 2.5.
    expected = np.array([[2.5, 0, -1.5], [-2.5, 0, 1.5], [4.5, 9, -2.5]])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(np.vstack([messages, named]), expected, atol=1e-5)


def test_one_message_and_equal_messages_have_finite_vectors() -> None:
    for messages in ([Message("карта")], [Message("карта")] * 5, [Message("!")]):
        found, named = run_to_end(queue_vectors(context_with("none"), messages))
        assert np.isfinite(found).all()
        assert len(named) == 0
