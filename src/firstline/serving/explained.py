"""The columns that tell why: the words that carried an answer, and the labelled messages that are like it."""

from collections.abc import Sequence

from firstline.bundle.explaining import Explanation, explain
from firstline.bundle.predictor import Predictor
from firstline.labelling.nearest import Neighbour, Neighbours
from firstline.messages.records import Value
from firstline.types import Message

WORDS, NEAREST = "predicted_words", "predicted_nearest"
EXPLAINED = (WORDS, NEAREST)
"""The columns that `classify --explain` adds."""

_MOST_WORDS = 5
_LONGEST_WORD_CHARS = 40
_LEAST_WEIGHT = 0.005
"""What would be written as 0."""


class Explainer:
    """Explains the answers of a model; nearest messages only if there are `neighbours`."""

    def __init__(self, predictor: Predictor, neighbours: Neighbours | None = None) -> None:
        self._predictor = predictor
        self._neighbours = neighbours
        self.columns: tuple[str, ...] = EXPLAINED if neighbours else (WORDS,)

    @property
    def fingerprint(self) -> str:
        """The same for two that give the same cells with the same model."""
        return self._neighbours.fingerprint if self._neighbours else ""

    def cells(self, messages: Sequence[Message]) -> list[tuple[Value, ...]]:
        """The cells of the messages, in the order of `columns`. Raises `ScoresNotFinite`."""
        words = [words_in_a_cell(explain(self._predictor, message)) for message in messages]
        if self._neighbours is None:
            return [(word,) for word in words]
        nearest = map(neighbours_in_a_cell, self._neighbours.nearest(messages))
        return list(zip(words, nearest, strict=True))


def words_in_a_cell(explanation: Explanation) -> str:
    """The most important words with their weights: `карта +1.20, перевод -0.31`."""
    shown = [word for word in explanation.words if abs(word.weight) >= _LEAST_WEIGHT][:_MOST_WORDS]
    return ", ".join(f"{_short(word.word)} {word.weight:+.2f}" for word in shown)


def neighbours_in_a_cell(found: Sequence[Neighbour]) -> str:
    """Ids with class and similarity: `4711 (Карта, .87); 4712 (Вход, .61)`."""
    return "; ".join(f"{one.external_id or 'no id'} ({one.label}, {_share(one.similarity)})" for one in found)


def _short(word: str) -> str:
    return word if len(word) <= _LONGEST_WORD_CHARS else f"{word[: _LONGEST_WORD_CHARS - 1]}…"


def _share(similarity: float) -> str:
    """Two digits without the 0: `.87`."""
    return f"{similarity:.2f}".removeprefix("0")
