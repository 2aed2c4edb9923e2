"""Why an answer is what it is: the words of a message that carried it.

Two methods, see `explain`. Both are deterministic, and neither needs the messages that the model learned from.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.linear import TfidfLinear
from firstline.bundle.parts.tfidf import CASE_TOKENS, NgramBlock
from firstline.bundle.predictor import Predictor
from firstline.text.ngrams import char_ngrams, word_ngrams, words
from firstline.text.rules import LONGEST_READ_CHARS
from firstline.text.shown_words import ShownWord, shown_words
from firstline.text.tokens import segment_token
from firstline.types import Label, Message

Method = Literal["exact", "occlusion"]

MOST_OCCLUDED = 30
"""Words that are removed one by one; each costs a prediction."""
_SURE = 0.001
"""Probabilities are kept this far from 0 and 1: a calibration on some hundred messages cannot tell more apart, and a
word that makes .999 of .99999 would seem to speak against the label."""
_NOTHING = 1e-6
"""Weights below are the noise of adding."""


@dataclass(frozen=True, slots=True)
class WordWeight:
    """A word of the masked text, and how much it speaks for the label; a negative weight speaks against it.

    `spans` are the places, (start, end), at which the word stands, in any case; `word` is spelled as at the first.
    """

    word: str
    weight: float
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The words that carried `label`, those of the largest absolute weight first; the others weigh 0.

    `rest` is what no word carries: with `exact`, the label's bias and the segment, so that `rest` and all weights
    sum to the label's centred logit; with `occlusion`, 0. `n_unexamined` words were beyond `MOST_OCCLUDED`.
    """

    label: Label
    words: tuple[WordWeight, ...]
    method: Method
    rest: float = 0.0
    n_unexamined: int = 0


def explain(predictor: Predictor, message: Message) -> Explanation:
    """The words of a message that carried its label.

    **exact**, if the model is one linear part over TF-IDF. The label's logit minus the mean logit of all labels is a
    sum over n-grams: value x (weight of the label - mean weight over labels). An n-gram's share is divided equally
    among its occurrences, and in each among the tokens that it covers; a token belongs to the word it was made of.
    Unit: the part's logits, before calibration.

    **occlusion**, for all other models (Zeiler & Fergus 2014): each of the first 30 different words is removed, and
    its weight is what the label's log odds lose. Unit: calibrated log odds; probabilities count from .001 to .999. It
    takes at most 31 predictions in one call. Words that stand for each other weigh little, since the other remains.

    Only what the model reads of a message counts, its first 10,000 characters. Raises `ScoresNotFinite`.
    """
    text = message.text[:LONGEST_READ_CHARS]
    message = Message(text, message.segment)
    found = shown_words(text)
    if len(predictor.parts) == 1 and isinstance(part := predictor.parts[0].scorer, TfidfLinear):
        tokens = _tokens(predictor, message, found)
        # The rules read some texts otherwise than word by word: then no token has a word for sure.
        if tokens is not None:
            return _exact(predictor, part, message, found, tokens)
    return _occluded(predictor, message, found)


@dataclass(frozen=True, slots=True)
class _Token:
    """A token of a ruled text and the place of its word, None for the segment."""

    text: str
    word: int | None
    is_case: bool


def _tokens(predictor: Predictor, message: Message, found: Sequence[ShownWord]) -> list[_Token] | None:
    """The tokens that a model reads, each with its word; None if they are not those of the words, one by one."""
    segment = message.segment if message.segment and predictor.knows_segment(message.segment) else None
    spelled = [message.text[word.start : word.end] for word in found]
    ruled = {word: words(predictor.rules(word)) for word in dict.fromkeys(spelled)}
    of_segment = [(token, None) for token in words(segment_token(segment))] if segment else []
    expected: list[tuple[str, int | None]] = [*of_segment]
    expected += [(token, place) for place, word in enumerate(spelled) for token in ruled[word]]
    expected += of_segment
    read = [
        (token, run in CASE_TOKENS)
        for run in predictor.rules.with_segment(message.text, segment).split(" ")
        for token in words(run)
    ]
    if [token for token, _ in read] != [token for token, _ in expected]:
        return None
    return [_Token(token, word, is_case) for (token, is_case), (_, word) in zip(read, expected, strict=True)]


def _exact(
    predictor: Predictor, part: TfidfLinear, message: Message, found: Sequence[ShownWord], tokens: Sequence[_Token]
) -> Explanation:
    label = int(np.argmax(predictor.predict_proba([message])[0]))
    segment = message.segment if message.segment and predictor.knows_segment(message.segment) else None
    places, values = part.tfidf.features(predictor.rules.with_segment(message.text, segment))
    # A column beyond the labels is that of none of the classes, which no message is answered with.
    n_labels = len(predictor.manifest.labels)
    weights = part.weights[places, :n_labels].astype(np.float64)
    shares = dict(zip(places.tolist(), (values * (weights[:, label] - weights.mean(axis=1))).tolist(), strict=True))
    carried, rest = np.zeros(len(found)), 0.0
    for known, block in zip(part.tfidf.places, part.tfidf.blocks, strict=True):
        occurring = [(known[ngram], covered) for ngram, covered in _located(block, tokens) if ngram in known]
        counts = Counter(place for place, _ in occurring)
        for place, covered in occurring:
            share = shares[place] / counts[place] / len(covered)
            for token in covered:
                if token.word is None:
                    rest += share
                else:
                    carried[token.word] += share
    bias = part.bias[:n_labels].astype(np.float64)
    return Explanation(
        predictor.manifest.labels[label],
        _summed(message.text, found, carried),
        "exact",
        rest=float(rest + bias[label] - bias.mean()),
    )


def _located(block: NgramBlock, tokens: Sequence[_Token]) -> Iterator[tuple[str, Sequence[_Token]]]:
    """The n-grams of a block, as `block` itself makes them, each with the tokens that it covers."""
    seen = [token for token in tokens if block.case_tokens or not token.is_case]
    if block.analyzer == "char":
        for token in seen:
            for ngram in char_ngrams(token.text, block.low, block.high):
                yield ngram, (token,)
        return
    ngrams = iter(word_ngrams(" ".join(token.text for token in seen), block.low, block.high))
    for size in range(block.low, block.high + 1):
        for start in range(len(seen) - size + 1):
            yield next(ngrams), seen[start : start + size]


def _occluded(predictor: Predictor, message: Message, found: Sequence[ShownWord]) -> Explanation:
    same = _same_words(message.text, [word for word in found if word.kind == "word"] or found)
    examined = same[:MOST_OCCLUDED]
    without = [Message(_without(message.text, word), message.segment) for word in examined]
    scores = predictor.predict_proba([message, *without]).astype(np.float64)
    label = int(np.argmax(scores[0]))
    odds = _log_odds(scores, label)
    lost = [float(odds[0] - after) for after in odds[1:]]
    weights = [
        WordWeight(message.text[word[0].start : word[0].end], weight, _spans(word))
        for word, weight in zip(examined, lost, strict=True)
    ]
    return Explanation(
        predictor.manifest.labels[label],
        _largest_first(weights),
        "occlusion",
        n_unexamined=len(same) - len(examined),
    )


def _log_odds(scores: NDArray[np.float64], label: int) -> NDArray[np.float64]:
    """Log odds of a label, (n,), from probabilities, (n, n_labels)."""
    known = np.clip(scores[:, label], _SURE, 1 - _SURE)
    return np.asarray(np.log(known / (1 - known)), np.float64)


def _same_words(text: str, found: Sequence[ShownWord]) -> list[list[ShownWord]]:
    """Words that are the same but for case, together, in the order of their first place."""
    same: dict[str, list[ShownWord]] = {}
    for word in found:
        same.setdefault(text[word.start : word.end].casefold(), []).append(word)
    return list(same.values())


def _without(text: str, removed: Sequence[ShownWord]) -> str:
    kept, start = [], 0
    for word in removed:
        kept.append(text[start : word.start])
        start = word.end
    return " ".join("".join([*kept, text[start:]]).split())


def _summed(text: str, found: Sequence[ShownWord], carried: NDArray[np.float64]) -> tuple[WordWeight, ...]:
    """The words with the sums of what their places carried; `carried[i]` is that of `found[i]`."""
    at = {word.start: float(weight) for word, weight in zip(found, carried, strict=True)}
    return _largest_first(
        [
            WordWeight(text[word[0].start : word[0].end], sum(at[one.start] for one in word), _spans(word))
            for word in _same_words(text, found)
        ]
    )


def _largest_first(weights: Sequence[WordWeight]) -> tuple[WordWeight, ...]:
    # Rounded for the order, so that equal words stay in the order of the text.
    carrying = [word for word in weights if abs(word.weight) > _NOTHING]
    return tuple(sorted(carrying, key=lambda word: (-round(abs(word.weight), 6), word.spans[0])))


def _spans(group: Sequence[ShownWord]) -> tuple[tuple[int, int], ...]:
    return tuple((word.start, word.end) for word in group)
