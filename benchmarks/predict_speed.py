"""What one answer of a TF-IDF model costs: python -m benchmarks.predict_speed BUNDLE MESSAGES.csv

Processor time of one message at a time, without HTTP, after a warm-up on the first half of the messages (column
'text'). For comparison, the features are also computed from plain dictionaries that look up every n-gram again. Both
run in turns, so that other work on the machine slows both down.
"""

import argparse
import csv
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.table import machine, print_rows
from firstline.bundle.parts.tfidf import Tfidf
from firstline.bundle.predictor import Predictor

T = TypeVar("T")
_SLICE = 100
"""Messages between two looks at the clock."""


def plain_features(tfidf: Tfidf, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What `Tfidf.features` gives, from its dictionaries alone."""
    places: list[int] = []
    values: list[NDArray[np.float32]] = [np.empty(0, np.float32)]
    for block, known in zip(tfidf.blocks, tfidf.places, strict=True):
        counts = Counter(known[ngram] for ngram in block(text) if ngram in known)
        weights = (1.0 + np.log(np.array(list(counts.values()), np.float64))) * tfidf.idf[list(counts)]
        places += counts
        values.append((weights / np.sqrt(weights @ weights)).astype(np.float32))
    return np.array(places, np.int64), np.concatenate(values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, help="the folder of a model")
    parser.add_argument("messages", type=Path, help="a CSV with a column 'text'")
    arguments = parser.parse_args()
    with arguments.messages.open(encoding="utf-8-sig", newline="") as opened:
        texts = [row["text"] for row in csv.DictReader(opened)]
    if len(texts) < 2 * _SLICE:
        parser.error(f"{arguments.messages} has {len(texts):,} messages, expected at least {2 * _SLICE}")
    measured = _measure(arguments.bundle, texts)
    rows = [(name, f"{time_us:.0f}", f"{time_us / measured['predict']:.2f}") for name, time_us in measured.items()]
    title = f"{arguments.bundle.name}, {len(texts) // 2:,} messages, processor time on {machine()}"
    print_rows(title, ("what", "µs", "of predict"), rows)


def _measure(bundle: Path, texts: Sequence[str]) -> dict[str, float]:
    """The median microseconds of each step, each with a model of its own: a model remembers words."""
    first = Predictor.load(bundle)
    messages = [first.read(text) for text in texts]
    ruled = [first.rules.beginning(message.text) for message in messages]
    alone = [[message] for message in messages]
    steps = {
        "masks": _times_us(first.read, texts),
        "text rules": _times_us(first.rules.beginning, [message.text for message in messages]),
        "features": _times_us(_tfidf(bundle).features, ruled),
        "features, plain dictionaries": _times_us(partial(plain_features, _tfidf(bundle)), ruled),
        "part": _times_us(Predictor.load(bundle).parts[0].scorer.predict_proba, [[text] for text in ruled]),
        "predict_proba": _times_us(Predictor.load(bundle).predict_proba, alone),
        "predict": _times_us(Predictor.load(bundle).predict, alone),
    }
    return _medians(steps)


def _tfidf(bundle: Path) -> Tfidf:
    found: Tfidf = Predictor.load(bundle).parts[0].scorer.tfidf  # type: ignore[attr-defined]
    return found


def _medians(steps: Mapping[str, Iterator[float]]) -> dict[str, float]:
    turns = list(zip(*steps.values(), strict=True))
    return {name: statistics.median(turn[place] for turn in turns) for place, name in enumerate(steps)}


def _times_us(step: Callable[[T], object], given: Sequence[T]) -> Iterator[float]:
    """Microseconds of one call, the mean of each slice of the second half."""
    half = len(given) // 2
    for one in given[:half]:
        step(one)
    for start in range(half, len(given) - _SLICE + 1, _SLICE):
        started_ns = time.process_time_ns()
        for one in given[start : start + _SLICE]:
            step(one)
        yield (time.process_time_ns() - started_ns) / 1000 / _SLICE


if __name__ == "__main__":
    main()
