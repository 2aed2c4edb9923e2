"""Answers the rows of a file, some at a time, in this process or another."""

import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TypeAlias

from firstline.bundle.predictor import Predictor
from firstline.bundle.source import ModelSource
from firstline.errors import UnusableCell
from firstline.messages.ahead import in_other_processes
from firstline.messages.cells import read_name, read_text
from firstline.messages.records import Value
from firstline.serving.explained import Explainer
from firstline.store.messages import StoredMessage
from firstline.types import Message, Prediction

BROKEN_ENCODING = "broken encoding in places"
UNKNOWN_SEGMENT = "the segment is unknown to the model and was ignored"
_BATCH = 256
_NO_ANSWER: tuple[Value, ...] = (None,) * 6
_ALONE_S = 2.0
"""Starting processes takes about a second, so a small file is done before they have begun."""

Asked: TypeAlias = tuple[Value, ...] | Message
"""The cells of a row, text and perhaps segment; or a message that is read already."""


@dataclass
class Answered:
    """The new cells of some rows, and counts: messages with an answer, unknown segments, labelled messages."""

    cells: list[tuple[Value, ...]] = field(default_factory=list)
    n_answered: int = 0
    n_unknown_segments: int = 0
    n_learned: int = 0


class Answering:
    """Answers rows with a model. `learned` holds the keys of labelled messages."""

    def __init__(self, predictor: Predictor, learned: Container[bytes], explainer: Explainer | None = None) -> None:
        self._predictor = predictor
        self.learned = learned
        self._explainer = explainer

    def __call__(self, asked: Sequence[Asked]) -> Answered:
        """The cells of each row in order: the answer, a note, and reasons if there is an explainer.

        What another process is asked in the same parts, it answers in the same way. Raises `ScoresNotFinite`.
        """
        answered = Answered()
        for start in range(0, len(asked), _BATCH):
            self._add(answered, [self._read(one) for one in asked[start : start + _BATCH]])
        return answered

    @property
    def no_answer(self) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
        """The cells before and after the note of a row without an answer."""
        return _NO_ANSWER, (None,) * len(self._explainer.columns if self._explainer else ())

    def _add(self, answered: Answered, read: "Sequence[tuple[Message | None, str]]") -> None:
        messages = [message for message, _ in read if message is not None]
        answers = map(_answer, self._predictor.predict(messages))
        reasons = iter(self._explainer.cells(messages) if self._explainer else [()] * len(messages))
        nothing, no_reasons = self.no_answer
        for message, note in read:
            if message is None:
                answered.cells.append((*nothing, note, *no_reasons))
            else:
                answered.cells.append((*next(answers), note, *next(reasons)))
        answered.n_answered += len(messages)
        for message in messages:
            answered.n_learned += StoredMessage(message.text, message.segment).key in self.learned
            answered.n_unknown_segments += self._has_unknown_segment(message)

    def _read(self, asked: Asked) -> tuple[Message | None, str]:
        """The message, or None, and a note."""
        if isinstance(asked, Message):
            return asked, UNKNOWN_SEGMENT if self._has_unknown_segment(asked) else ""
        readable = tuple(_encodable(cell) for cell in asked)
        try:
            text = read_text(readable[0])
            segment = read_name(readable[1]) if len(readable) > 1 else None
        except UnusableCell as problem:
            return None, str(problem)
        message = self._predictor.read(text, segment)
        if not message.text:
            return None, "no text"
        notes = (
            BROKEN_ENCODING if readable != asked else "",
            UNKNOWN_SEGMENT if self._has_unknown_segment(message) else "",
        )
        return message, "; ".join(filter(None, notes))

    def _has_unknown_segment(self, message: Message) -> bool:
        return message.segment is not None and not self._predictor.knows_segment(message.segment)


@dataclass(frozen=True)
class SentAnswering:
    """The same in another process, which loads the model once."""

    source: ModelSource
    learned: Container[bytes]

    def __call__(self, asked: Sequence[Asked]) -> Answered:
        """Raises what `Predictor.load` raises, too."""
        return self._there(asked)

    @cached_property
    def _there(self) -> Answering:
        return Answering(self.source.load(), self.learned)


Spread: TypeAlias = Callable[[Answering, Iterator[Sequence[Asked]]], Iterator[Answered]]
"""Has the parts of a file answered, in order."""


def here(answering: Answering, parts: Iterator[Sequence[Asked]]) -> Iterator[Answered]:
    """In this process."""
    return map(answering, parts)


@dataclass(frozen=True)
class OnEveryCore:
    """In `n_processes` that load the model from `source`; the first seconds in this one, while they are not needed."""

    source: ModelSource
    n_processes: int
    alone_s: float = _ALONE_S

    def __call__(self, answering: Answering, parts: Iterator[Sequence[Asked]]) -> Iterator[Answered]:
        """Raises what `Predictor.load` and `in_other_processes` raise."""
        began = time.monotonic()
        for part in parts:
            yield answering(part)
            if time.monotonic() - began >= self.alone_s:
                break
        for part in parts:
            sent = SentAnswering(self.source, answering.learned)
            yield from in_other_processes(sent, chain([part], parts), self.n_processes)


def _encodable(value: Value) -> Value:
    """A cell without bytes that could not be decoded, so that its row can still be answered."""
    return value.encode("utf-8", errors="replace").decode("utf-8") if isinstance(value, str) else value


def _answer(prediction: Prediction) -> tuple[Value, ...]:
    first = prediction.ranking[0]
    second = prediction.ranking[1] if len(prediction.ranking) > 1 else None
    return (
        first.label,
        round(first.confidence, 4),
        second.label if second else None,
        round(second.confidence, 4) if second else None,
        prediction.decision,
        prediction.reason,
    )
