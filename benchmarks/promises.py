"""Whether promises are kept: python -m benchmarks.promises --data DIR --language en --precision 0.95 0.85

`DIR` holds labelled.csv, pool.csv and test.csv, each with the columns text and label. Each draw takes labelled messages
of the first two, of classes in labelled.csv only; `linear.v1` is cross-validated on them, then trained on all of them
and asked about test.csv. Is the precision of what is routed there inside the interval that was promised?
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.table import machine, print_rows
from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.confidence import calibrate
from firstline.bundle.decisions import Decider
from firstline.bundle.promise import Promise, percent
from firstline.evaluation.calibration import fit_temperature
from firstline.evaluation.promises import promised
from firstline.store.messages import Labelled
from firstline.text.masks import Masker
from firstline.text.rules import TextRules
from firstline.training.candidates.linear import Linear
from firstline.training.folds import Folds
from firstline.types import Label, Message

_N_FOLDS = 5


class Asked(NamedTuple):
    """Messages with their labels."""

    messages: list[Message]
    labels: list[Label]


class Draw(NamedTuple):
    """One draw: what decisions rest on, and calibrated answers to the test file, (n_test, n_labels)."""

    record: AnswerRecord
    names: Sequence[Label]
    probabilities: NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--language", default="ru")
    parser.add_argument("--precision", type=float, nargs="+", default=[0.95])
    parser.add_argument("--labels", type=int, default=1_500, help="how many a draw has")
    parser.add_argument("--draws", type=int, default=20)
    arguments = parser.parse_args()
    labelled, pool, test = (_read(arguments.data / f"{name}.csv") for name in ("labelled", "pool", "test"))
    classes = set(labelled.labels)
    pairs = zip(labelled.messages + pool.messages, labelled.labels + pool.labels, strict=True)
    known = [pair for pair in pairs if pair[1] in classes]
    rules = TextRules.of_language(arguments.language)
    rows: dict[float, list[list[str]]] = {precision: [] for precision in arguments.precision}
    for seed in range(arguments.draws):
        drawn = np.sort(np.random.default_rng(seed).permutation(len(known))[: arguments.labels])
        draw = _draw(Asked(*map(list, zip(*(known[place] for place in drawn), strict=True))), test, rules, seed)
        for precision, found in rows.items():
            found.append([str(seed), *_cells(draw, test.labels, Promise(precision=precision))])
    for precision, found in rows.items():
        print_rows(
            f"{arguments.data.name}, {arguments.labels} labels a draw, {percent(precision)} precision, {machine()}",
            ("draw", "held out: coverage", "precision", "test: coverage", "precision", "promised", ""),
            found,
        )
        print(f"{sum(row[-1] != 'outside' for row in found)} of {len(found)} inside or out of reach")
        kept = sum(row[-1] == "out of reach" or float(row[4]) >= precision for row in found)
        print(f"{kept} at least {precision:g}; mean coverage {np.mean([float(row[3]) for row in found]):.3f}")
        print()


def _draw(data: Asked, test: Asked, rules: TextRules, seed: int) -> Draw:
    folds = Folds(Labelled(data.messages, data.labels, [], 0), _N_FOLDS, 1, seed)
    answers = np.zeros((len(data.labels), len(folds.names)), np.float32)
    learned = np.zeros(len(data.labels), np.bool_)
    for fold in folds.train_all(lambda: Linear(rules)):
        answers[fold.held_out] = fold.probabilities
        learned[fold.held_out] = fold.learned[folds.truth[fold.held_out]]
    temperature = fit_temperature(answers[learned], folds.truth[learned]).temperature
    fitted = Linear(rules).fit(data.messages, data.labels, [])
    record = AnswerRecord.of(calibrate(answers, temperature)[None], folds.truth)
    return Draw(record, fitted.labels_, calibrate(fitted.predict_proba(test.messages), temperature))


def _cells(draw: Draw, truth: Sequence[Label], promise: Promise) -> list[str]:
    """Held-out coverage and precision, those on the test file, the promised interval, and whether it held."""
    decider = Decider(draw.record, draw.names, promise)
    held_out = decider.held_out
    confidence, places = draw.probabilities.max(axis=1), draw.probabilities.argmax(axis=1)
    routed = [
        draw.names[place] == label
        for place, one, label in zip(places.tolist(), confidence.tolist(), truth, strict=True)
        if decider.decide(place, one)[0] == "route"
    ]
    coverage = [held_out.routed / held_out.n_messages, len(routed) / len(truth)]
    if not routed:
        why = "out of reach" if decider.routes_nothing else "nothing routed"
        return [f"{coverage[0]:.3f}", "", f"{coverage[1]:.3f}", "", "", why]
    low, high = promised(held_out.right, held_out.routed, len(routed))
    precision = float(np.mean(routed))
    return [
        f"{coverage[0]:.3f}",
        f"{held_out.right / held_out.routed:.3f}",
        f"{coverage[1]:.3f}",
        f"{precision:.3f}",
        f"{low:.3f}-{high:.3f}",
        "" if low <= precision <= high else "outside",
    ]


def _read(file: Path) -> Asked:
    mask = Masker(())
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = [(Message(mask(row["text"])), row["label"]) for row in csv.DictReader(opened)]
    return Asked(*map(list, zip(*((message, label) for message, label in rows if message.text), strict=True)))


if __name__ == "__main__":
    main()
