"""What is measured of a peer, in the peer's own environment: needs nothing but Python.

A peer is a module beside this one with a function `train`; run as python PEER.py TRAIN TEST ENCODER,
it prints one line of JSON.
"""

import csv
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Predict = Callable[[Sequence[str]], Sequence[str]]
Train = Callable[[Sequence[str], Sequence[str], str], Predict]
"""Texts, their labels and the folder of a sentence encoder -> what names the class of texts."""

_WARM_UP, _SINGLE = 10, 200


def read(file: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of a CSV file with these columns."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def run(train: Train, settle: Callable[[], None] = lambda: None) -> None:
    """Train on the first file of the command line, answer the second, and print what both took.

    `settle` sets the library to one thread, before single messages are timed on one core.
    """
    learned, checked, encoder = sys.argv[1:4]
    texts, labels = read(Path(learned))
    asked, truth = read(Path(checked))
    started = time.perf_counter()
    predict = train(texts, labels, encoder)
    train_s = time.perf_counter() - started
    guesses = list(predict(asked))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    settle()
    times = []
    for text in asked[: _WARM_UP + _SINGLE]:
        started = time.perf_counter()
        predict([text])
        times.append(1000 * (time.perf_counter() - started))
    times = sorted(times[_WARM_UP:])
    found = {
        "accuracy": sum(guess == true for guess, true in zip(guesses, truth, strict=True)) / len(truth),
        "macro_f1": macro_f1(truth, guesses),
        "train_s": train_s,
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[int(0.99 * (len(times) - 1))],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found), flush=True)
    # Some libraries leave threads that never end.
    os._exit(0)


def macro_f1(truth: Sequence[str], guesses: Sequence[str]) -> float:
    """The mean F1 of the classes that occur in `truth`."""
    scores = []
    for label in set(truth):
        right = sum(guess == true == label for guess, true in zip(guesses, truth, strict=True))
        scores.append(2 * right / (truth.count(label) + list(guesses).count(label)))
    return sum(scores) / len(scores)
