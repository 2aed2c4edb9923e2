"""Computes the report from what a model's training left behind. Reads and writes nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.decisions import Decider
from firstline.bundle.manifest import Manifest
from firstline.evaluation.held_out import HeldOut
from firstline.evaluation.report.confusion import confusion, count, pairs
from firstline.evaluation.report.data import Champion, Example, Facts, Gap, Pair, ReportData, Share
from firstline.evaluation.report.figures import (
    class_rows,
    class_rows_of_manifest,
    confidences,
    growth,
    paired,
    reliability,
)
from firstline.evaluation.report.routing import routing, share
from firstline.store.named import NamedMessage
from firstline.types import Label, Message

_MOST_PAIRS, _LEAST_IN_A_PAIR, _EXAMPLES_OF_A_PAIR = 10, 2, 3
_MOST_QUOTED = 10
_MOST_SETTING_CHARS = 200
_FOUND_BY_TRAINING = ("dropped", "temperatures")
"""Among the settings of a blend: nobody can set these, and they mean nothing without its code."""


@dataclass(frozen=True)
class Sources:
    """What the report is made from.

    `messages` are those of the workspace, by key. `champion` is the model that serves, None if the report is about it
    or if there is none. `decider` has the held-out answers in the bundle and the promise in force. `words` names the
    words of a message that speak for a label, the most important first; none if the model answers otherwise by now.
    """

    manifest: Manifest
    is_champion: bool
    held_out: HeldOut | None = None
    messages: Mapping[bytes, NamedMessage] = field(default_factory=dict)
    champion: Manifest | None = None
    champions_held_out: HeldOut | None = None
    decider: Decider | None = None
    words: Callable[[Message, Label], Sequence[str]] | None = None


def build_report(sources: Sources) -> ReportData:
    """The report. Figures that need held-out answers are None or empty without them."""
    manifest, answers = sources.manifest, sources.held_out
    curve = manifest.learning_curve
    rows = class_rows_of_manifest(manifest.metrics.per_class) if manifest.metrics else ()
    data = ReportData(
        facts=_facts(manifest),
        is_champion=sources.is_champion,
        right=_right(manifest),
        champion=_champion(sources),
        routing=routing(sources.decider) if sources.decider else None,
        reliability=None,
        confidences=None,
        confusion=None,
        classes=rows,
        pairs=(),
        mistakes=(),
        suspects=(),
        growth=growth(curve, manifest.candidate) if curve else None,
        gaps=(),
        n_gone=0,
        n_relabelled=0,
    )
    if answers is not None and len(answers.truth):
        data = _with_answers(data, answers, sources)
    return replace(data, gaps=tuple(_gaps(data, manifest)))


def _with_answers(data: ReportData, answers: HeldOut, sources: Sources) -> ReportData:
    predicted = answers.probabilities.argmax(axis=1)
    confidence = answers.probabilities.max(axis=1)
    right = predicted == answers.truth
    counts = count(answers.truth, predicted, len(answers.labels))
    quotes = _Quotes(answers, predicted, sources)
    suspects = quotes.suspects()
    return replace(
        data,
        right=data.right or share(int(right.sum()), len(right)),
        reliability=reliability(answers.probabilities, answers.truth),
        confidences=confidences(confidence, right),
        confusion=confusion(answers.truth, predicted, answers.labels),
        classes=class_rows(counts, answers.labels),
        pairs=quotes.pairs(counts),
        suspects=suspects,
        mistakes=quotes.mistakes({one.key for one in suspects}),
        n_gone=quotes.n_gone,
        n_relabelled=quotes.n_relabelled,
    )


def _right(manifest: Manifest) -> Share | None:
    metrics = manifest.metrics
    interval = metrics.intervals.get("accuracy") if metrics else None
    return Share(metrics.accuracy, *interval, metrics.n_messages) if metrics and interval else None


def _champion(sources: Sources) -> Champion | None:
    if sources.champion is None:
        return None
    mine, theirs = sources.held_out, sources.champions_held_out
    difference = None
    if mine is not None and theirs is not None:
        place = {key.tobytes(): row for row, key in enumerate(theirs.keys)}
        shared = [(row, place[key.tobytes()]) for row, key in enumerate(mine.keys) if key.tobytes() in place]
        if shared:
            rows, others = (np.array(rows) for rows in zip(*shared, strict=True))
            difference = paired(_is_right(mine)[rows], _is_right(theirs)[others])
    return Champion(sources.champion.id, _right(sources.champion), difference)


def _is_right(answers: HeldOut) -> NDArray[np.bool_]:
    return np.asarray(answers.probabilities.argmax(axis=1) == answers.truth, np.bool_)


def _gaps(data: ReportData, manifest: Manifest) -> Iterator[Gap]:
    if manifest.metrics is None:
        yield "no_figures"
    if data.reliability is None:
        yield "no_held_out"
    if data.routing is None:
        yield "no_decisions"
    if data.n_gone:
        yield "messages_gone"
    if data.n_relabelled:
        yield "labels_changed"
    if data.growth is None:
        yield "no_curve"
    elif data.growth.then is None:
        yield "no_estimate"


class _Quotes:
    """Chooses the messages that the report quotes."""

    def __init__(self, answers: HeldOut, predicted: NDArray[np.int64], sources: Sources) -> None:
        self._answers, self._predicted, self._sources = answers, predicted, sources
        keys = [key.tobytes() for key in answers.keys]
        here = [key in sources.messages for key in keys]
        labels = answers.labels
        self._keys = keys
        # A message with another label now: whether its answer was wrong is no longer known.
        self._as_trained = np.array(
            [
                is_here and sources.messages[key].labels == [labels[truth]]
                for key, is_here, truth in zip(keys, here, answers.truth, strict=True)
            ]
        )
        self.n_gone = len(keys) - sum(here)
        self.n_relabelled = sum(here) - int(self._as_trained.sum())

    def suspects(self) -> tuple[Example, ...]:
        """Wrong answers, the one whose label the model finds least likely first."""
        given = self._answers.probabilities[np.arange(len(self._keys)), self._answers.truth]
        wrong = self._predicted != self._answers.truth
        chosen = [row for row in np.argsort(given, kind="stable") if wrong[row] and self._as_trained[row]]
        return self._quoted(chosen[:_MOST_QUOTED])

    def mistakes(self, but: set[str]) -> tuple[Example, ...]:
        """Wrong answers, the most confident first, without those with the keys in `but`."""
        wrong = self._predicted != self._answers.truth
        rows = self._by_confidence(np.flatnonzero(wrong))
        return self._quoted([row for row in rows if self._keys[row].hex() not in but][:_MOST_QUOTED])

    def pairs(self, counts: NDArray[np.int64]) -> tuple[Pair, ...]:
        """The pairs that are confused most, each with up to three examples, from the larger side first."""
        wrong = counts - np.diag(np.diag(counts))
        names, found = self._answers.labels, []
        for one, other in pairs(wrong)[:_MOST_PAIRS]:
            n, back = int(wrong[one, other]), int(wrong[other, one])
            if n + back < _LEAST_IN_A_PAIR:
                break
            rows = [*self._confused(one, other)[:2], *self._confused(other, one)[:1]]
            examples = self._quoted(rows[:_EXAMPLES_OF_A_PAIR], has_words=False)
            found.append(Pair(names[one], names[other], n, back, examples))
        return tuple(found)

    def _confused(self, label: int, predicted: int) -> list[int]:
        return self._by_confidence(np.flatnonzero((self._answers.truth == label) & (self._predicted == predicted)))

    def _by_confidence(self, rows: NDArray[np.int64]) -> list[int]:
        confidence = self._answers.probabilities.max(axis=1)
        known = rows[self._as_trained[rows]]
        return [int(row) for row in known[np.argsort(-confidence[known], kind="stable")]]

    def _quoted(self, rows: Sequence[int], has_words: bool = True) -> tuple[Example, ...]:
        return tuple(self._example(row, has_words) for row in rows)

    def _example(self, row: int, has_words: bool) -> Example:
        answers, names = self._answers, self._answers.labels
        quoted = self._sources.messages[self._keys[row]]
        predicted, words_of = names[self._predicted[row]], self._sources.words
        words = words_of(Message(quoted.text, quoted.segment), predicted) if words_of and has_words else ()
        return Example(
            key=self._keys[row].hex(),
            text=quoted.text,
            label=names[answers.truth[row]],
            predicted=predicted,
            confidence=float(answers.probabilities[row].max()),
            confidence_in_label=float(answers.probabilities[row, answers.truth[row]]),
            words=tuple(words),
        )


def _facts(manifest: Manifest) -> Facts:
    training, measured = manifest.training, manifest.measured
    return Facts(
        id=manifest.id,
        candidate=manifest.candidate,
        created_at=measured.created_at,
        language=manifest.language,
        n_classes=len(manifest.labels),
        segments=manifest.segments,
        n_labelled=training.n_messages if training else 0,
        n_unlabelled=training.n_unlabelled if training else 0,
        folds=training.folds if training else 0,
        seed=training.seed if training else 0,
        fingerprint=training.data_fingerprint if training else "",
        masks=manifest.masks.version,
        latency_p50_ms=measured.latency_ms.get("p50"),
        latency_p99_ms=measured.latency_ms.get("p99"),
        memory_bytes=measured.memory_bytes,
        settings=_settings(training.candidate_settings) if training else (),
        libraries=tuple(sorted(training.libraries.items())) if training else (),
    )


def _settings(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(_flat({name: value for name, value in settings.items() if name not in _FOUND_BY_TRAINING}))


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as names with dots and short values."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            # There is no use in a zero with a sign.
            text = str(0.0 if value == 0 and isinstance(value, float) else value)
            yield f"{above}{name}", text if len(text) <= _MOST_SETTING_CHARS else f"{text[:_MOST_SETTING_CHARS]}…"
