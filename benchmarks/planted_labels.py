"""How many planted wrong labels `firstline suspects` lists: python -m benchmarks.planted_labels --data FILE

Gives a part of the labels of a file another class, drawn at random, cross-validates a candidate, and counts the planted
ones among the most suspicious tenth. Compares the score that ships with others, and one draw of the folds with three.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.table import machine, print_rows
from firstline.labelling.suspects import SHARE, label_scores
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions, Reject
from firstline.settings.model import EncoderSettings
from firstline.steps import run_to_end
from firstline.store.messages import Labelled
from firstline.text.rules import TextRules
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Context, Learner
from firstline.training.folds import Folds
from firstline.types import Label, Message

Score = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]


def margin(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    """The given label's probability minus that of the best other class."""
    others = probabilities.copy()
    others[np.arange(len(truth)), truth] = -1
    return np.asarray(label_scores(probabilities, truth) - others.max(axis=1), np.float32)


def against_class(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    """The given label's probability divided by its mean over the messages of the class."""
    given = label_scores(probabilities, truth)
    sums, counts = np.bincount(truth, given), np.bincount(truth)
    return np.asarray(given / (sums / np.maximum(counts, 1))[truth], np.float32)


def confident_learning(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    """First those that exceed the threshold of another class (Northcutt et al. 2021), then the others, by margin."""
    of_class = [label_scores(probabilities[truth == place], truth[truth == place]) for place in range(truth.max() + 1)]
    thresholds = np.array([given.mean() for given in of_class])
    counted = np.where(probabilities >= thresholds, probabilities, -1)
    is_issue = (counted.max(axis=1) >= 0) & (counted.argmax(axis=1) != truth)
    return np.asarray(margin(probabilities, truth) - 2 * is_issue, np.float32)


SCORES: dict[str, Score] = {
    "probability of the label (ships)": label_scores,
    "against the class's mean": against_class,
    "margin": margin,
    "confident learning": confident_learning,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a file with columns text and label")
    parser.add_argument("--language", default="en")
    parser.add_argument("--candidate", default="linear.v1")
    parser.add_argument("--encoder", default=EncoderSettings().name, help="for candidates that read with one")
    parser.add_argument("--keep", type=Path, help="a folder that keeps sentence vectors")
    parser.add_argument("--labels", type=int, default=1_500)
    parser.add_argument("--share", type=float, default=0.05, help="of the labels that are made wrong")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    messages, right = _read(arguments.data, arguments.labels)
    rules = TextRules.of_language(arguments.language)
    encoder = EncoderSettings(name=arguments.encoder)
    context = Context(rules, language=arguments.language, folder=arguments.keep, encoder=encoder)
    make = run_to_end(find_candidate(arguments.candidate).prepare(context, messages))
    found: dict[str, list[float]] = {}
    for draw in range(arguments.draws):
        labels, planted = plant(right, arguments.share, draw)
        folds = Folds(Labelled(messages, labels, [], 0), 5, arguments.repeats, 0)
        each = _answers(folds, make)
        for name, score in SCORES.items():
            for repeats in sorted({1, arguments.repeats}):
                scores = score(each[:repeats].mean(axis=0), folds.truth)
                listed = np.argsort(scores, kind="stable")[: round(SHARE * len(labels))]
                found.setdefault(f"{name}, {repeats} x 5 folds", []).append(np.isin(planted, listed).mean())
    print_rows(
        f"{arguments.data}, {arguments.candidate}, {len(right):,} labels, {arguments.share:.0%} planted,"
        f" found in the first {SHARE:.0%}, {machine()}",
        ("score", "mean", *(f"draw {draw}" for draw in range(arguments.draws))),
        [[name, f"{np.mean(shares):.3f}", *(f"{share:.3f}" for share in shares)] for name, shares in found.items()],
    )


def plant(right: list[Label], share: float, seed: int) -> tuple[list[Label], NDArray[np.int64]]:
    """Replaces a share of the labels by wrong ones; returns all labels and the places of the wrong ones."""
    draw, names = np.random.default_rng(seed), sorted(set(right))
    planted = draw.choice(len(right), round(share * len(right)), replace=False)
    labels = list(right)
    for place in planted:
        labels[place] = str(draw.choice([name for name in names if name != right[place]]))
    return labels, planted


def _answers(folds: Folds, make: Callable[[], Learner]) -> NDArray[np.float32]:
    """Out-of-fold probabilities, (n_repeats, n_messages, n_labels)."""
    found = np.zeros((folds.repeats, len(folds.truth), len(folds.names)), np.float32)
    for number, fold in enumerate(folds.train_all(make)):
        found[number // folds.n_folds, fold.held_out] = fold.probabilities
    return found


def _read(file: Path, n: int) -> tuple[list[Message], list[Label]]:
    rows = [row.values for row in open_reader(file, ReadingOptions()).records(["text", "label"])
            if not isinstance(row, Reject) and row.values[1]][:n]  # fmt: skip
    return [Message(str(text)) for text, _ in rows], [str(label) for _, label in rows]


if __name__ == "__main__":
    main()
