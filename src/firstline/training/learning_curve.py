"""How good a candidate gets with more labels: measured on shares of the labels, then extrapolated.

A generator: it yields how far it has come and ends with the curve.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.learning_curve import LearningCurve, Point
from firstline.errors import LabelsTooFew
from firstline.evaluation.metrics import score, wilson
from firstline.evaluation.power_law import LEAST_POINTS, expectations
from firstline.steps import Stage
from firstline.training.candidates.base import Learner
from firstline.training.candidates.latent import some
from firstline.types import Label, Message

SHARES = (0.25, 0.4, 0.6, 0.8)
REPETITIONS = 5
MORE_LABELS = 500
MOST_LABELS = 10_000
"""With more labels, 10,000 are drawn at random: the curve is flat by then, and each point costs a training."""


class _Repetition(NamedTuple):
    """Places of messages: which are held out, and the others in the order in which labels are added."""

    held_out: NDArray[np.int64]
    order: NDArray[np.int64]


class _Answered(NamedTuple):
    """What one training answered for the held-out messages, each (n_held_out,)."""

    truth: NDArray[np.str_]
    predicted: NDArray[np.str_]

    @property
    def is_right(self) -> NDArray[np.bool_]:
        return np.equal(self.truth, self.predicted)


def learning_curve(
    make: Callable[[], Learner],
    messages: Sequence[Message],
    labels: Sequence[Label],
    unlabelled: Sequence[Message],
    seed: int,
    *,
    candidate: str = "",
    shares: Sequence[float] = SHARES,
    repetitions: int = REPETITIONS,
    out_of_fold: tuple[int, Sequence[Label]] | None = None,
) -> Generator[Stage, None, LearningCurve]:
    """Accuracy and macro-F1 of what `make` makes at each of `shares` of the labels, and at `more_labels` more.

    Each of at most five repetitions holds out another fifth of the labelled messages, stratified. It learns from
    growing stratified subsets of the rest, one inside the next; messages whose label is not used yet count as
    unlabelled. A size at which a repetition cannot be trained is left out, and `note` says so. Raises
    `LabelsTooFew` if no size is left.

    If there are more than 10,000 messages, 10,000 are drawn first. A cross-validation whose folds learned more than
    that becomes the last point; `out_of_fold` is how many labels each fold learned, and the answers to all messages.

    Intervals, 95 %: Wilson's for the accuracy and a bootstrap over messages for macro-F1, both as if there were
    so many fewer messages as the spread of the accuracy over repetitions is wider than chance makes it
    (effective sample size, Dean and Pagano 2015). What `expected` means: see `power_law.expectations`.
    """
    n_labels = len(labels)
    drawn = some(range(n_labels), MOST_LABELS, seed)
    if len(drawn) < n_labels:
        messages, labels = [messages[place] for place in drawn], [labels[place] for place in drawn]
    splits = [_split(labels, repetition, seed) for repetition in range(repetitions)]
    sizes = _sizes(len(labels), shares, min((len(split.order) for split in splits), default=0))
    what = f"learning curve of {candidate}" if candidate else "learning curve"
    asked: dict[int, list[_Answered]] = defaultdict(list)
    notes: dict[int, str] = {}
    for number, split in enumerate(splits):
        for place, size in enumerate(sizes):
            if size not in notes:
                try:
                    asked[size].append(_ask(make, messages, labels, unlabelled, split, size))
                except LabelsTooFew as error:
                    notes[size] = f"{size} labels are too few to train: {error.message}"
            done = number * len(sizes) + place + 1
            yield Stage(what, done, len(splits) * len(sizes))
    if out_of_fold and len(drawn) < n_labels and out_of_fold[0] > max(sizes):
        n_learned, answered = out_of_fold[0], np.array(out_of_fold[1])[drawn]
        asked[n_learned] = [_Answered(np.array(labels)[split.held_out], answered[split.held_out]) for split in splits]
    usable = {size: asked[size] for size in sorted(asked) if size not in notes}
    return _curve(candidate, n_labels, usable, notes.values(), seed)


def _curve(
    candidate: str, n_labels: int, asked: Mapping[int, Sequence[_Answered]], notes: Collection[str], seed: int
) -> LearningCurve:
    """The curve from the answers of each repetition at each size. Raises `LabelsTooFew` if there are none."""
    if not asked:
        raise LabelsTooFew(
            f"{n_labels} labelled messages are too few for a learning curve.", "Label more messages first."
        )
    more_labels = max(MORE_LABELS, n_labels // 10_000 * 1_000)
    points = tuple(_point(size, found, seed) for size, found in asked.items())
    curve = LearningCurve(candidate, seed, n_labels, more_labels, points, note="; ".join(notes))
    if problem := _no_law(points):
        return msgspec.structs.replace(curve, note="; ".join([*notes, problem]))
    answers = [np.stack([answered.is_right for answered in one]) for one in zip(*asked.values(), strict=True)]
    widths = np.array([point.accuracy_high - point.accuracy_low for point in points])
    law, (now, expected) = expectations(
        np.array(list(asked), np.float64), answers, widths, (n_labels, n_labels + more_labels), seed
    )
    return msgspec.structs.replace(curve, law=law, now=now, expected=expected)


def _split(labels: Sequence[Label], repetition: int, seed: int) -> _Repetition:
    shuffled = _stratified_order(labels, np.random.default_rng((seed, 0)))
    blocks = np.array_split(shuffled, min(REPETITIONS, len(shuffled)) or 1)
    held_out = blocks[repetition % len(blocks)]
    rest = np.setdiff1d(np.arange(len(labels)), held_out)
    random = np.random.default_rng((seed, 0, repetition))
    return _Repetition(held_out, rest[_stratified_order([labels[place] for place in rest], random)])


def _stratified_order(labels: Sequence[Label], random: np.random.Generator) -> NDArray[np.int64]:
    """An order of places, (n_labels,), any stretch of which holds each class nearly by its share.

    Systematic sampling (Madow and Madow 1944): the messages of a class stand evenly, from a random start.
    """
    places: dict[Label, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        places[label].append(place)
    position = np.empty(len(labels))
    for label in sorted(places):
        members = random.permutation(places[label])
        position[members] = (np.arange(len(members)) + random.random()) / len(members)
    return np.argsort(position, kind="stable")


def _sizes(n_labels: int, shares: Sequence[float], n_most: int) -> list[int]:
    """The numbers of labels to learn from, rising; two at least, `n_most` at most."""
    return sorted({int(np.clip(round(share * n_labels), 2, n_most)) for share in shares}) if n_most >= 2 else []


def _ask(
    make: Callable[[], Learner],
    messages: Sequence[Message],
    labels: Sequence[Label],
    unlabelled: Sequence[Message],
    split: _Repetition,
    size: int,
) -> _Answered:
    learned, rest = split.order[:size], split.order[size:]
    known = [labels[place] for place in learned]
    if len(set(known)) < 2:
        raise LabelsTooFew("all are of one class.", "Label messages of another class.")
    candidate = make().fit(
        [messages[place] for place in learned], known, [*unlabelled, *(messages[place] for place in rest)]
    )
    best = candidate.predict_proba([messages[place] for place in split.held_out]).argmax(axis=1)
    return _Answered(np.array(labels)[split.held_out], np.array(candidate.labels_)[best])


def _point(size: int, asked: Sequence[_Answered], seed: int) -> Point:
    truth, predicted = (np.concatenate(found).tolist() for found in zip(*asked, strict=True))
    figures = score(truth, predicted, seed)
    wider = _design_effect([answers.is_right for answers in asked])
    low, high = wilson(figures.accuracy, max(1, round(len(truth) / wider)))
    f1_low, f1_high = (
        float(np.clip(figures.macro_f1 + (bound - figures.macro_f1) * np.sqrt(wider), 0, 1))
        for bound in figures.intervals["macro_f1"]
    )
    return Point(
        n_labels=size,
        accuracy=figures.accuracy,
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=figures.macro_f1,
        macro_f1_low=f1_low,
        macro_f1_high=f1_high,
        n_repetitions=len(asked),
        n_held_out=len(truth),
    )


def _design_effect(is_right: Sequence[NDArray[np.bool_]]) -> float:
    """How many times wider than by chance the accuracies of repetitions spread, as variance; at least 1."""
    accuracies = np.array([right.mean() for right in is_right])
    mean = float(accuracies.mean())
    by_chance = mean * (1 - mean) / float(np.mean([len(right) for right in is_right]))
    if len(is_right) < 2 or by_chance == 0:
        return 1.0
    return max(1.0, float(accuracies.var(ddof=1)) / by_chance)


def _no_law(points: Sequence[Point]) -> str:
    """Why the points say nothing about more labels; empty if they do."""
    first, last = points[0], points[-1]
    if len(points) < LEAST_POINTS:
        return f"{len(points)} of {LEAST_POINTS} points that it takes to expect anything"
    if last.accuracy <= first.accuracy:
        sizes = f"from {first.n_labels} to {last.n_labels} labels"
        return f"accuracy does not grow {sizes}, so the curve says nothing about more"
    return ""
