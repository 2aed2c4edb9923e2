"""Whether promises are kept: python -m benchmarks.promises --data DIR --language en --precision 0.95 0.85

`DIR` holds labelled.csv, pool.csv and test.csv, each with the columns text and label. Each draw takes labelled messages
of the first two, of classes in labelled.csv only; `linear.v1` is cross-validated on them, then trained on all of them
and asked about test.csv. Is the precision of what is routed there inside the interval that was promised?
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.answering import Answers, Asked, Trained, context_of, read, trained
from benchmarks.table import machine, print_rows
from firstline.bundle.promise import Promise, percent
from firstline.evaluation.promises import promised
from firstline.types import Label

_N_FOLDS = 5


class Draw(NamedTuple):
    """One draw: what was trained, and its answers to the test file."""

    model: Trained
    answers: Answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--language", default="ru")
    parser.add_argument("--precision", type=float, nargs="+", default=[0.95])
    parser.add_argument("--labels", type=int, default=1_500, help="how many a draw has")
    parser.add_argument("--draws", type=int, default=20)
    arguments = parser.parse_args()
    labelled, pool, test = (read(arguments.data / f"{name}.csv") for name in ("labelled", "pool", "test"))
    classes = set(labelled.labels)
    pairs = zip(labelled.messages + pool.messages, labelled.labels + pool.labels, strict=True)
    known = [pair for pair in pairs if pair[1] in classes]
    context = context_of(arguments.language, "none", None)
    rows: dict[float, list[list[str]]] = {precision: [] for precision in arguments.precision}
    for seed in range(arguments.draws):
        drawn = np.sort(np.random.default_rng(seed).permutation(len(known))[: arguments.labels])
        data = Asked(*map(list, zip(*(known[place] for place in drawn), strict=True)))
        model = trained(data, "linear.v1", context, _N_FOLDS, seed)
        draw = Draw(model, model.answers(test.messages))
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


def _cells(draw: Draw, truth: Sequence[Label], promise: Promise) -> list[str]:
    """Held-out coverage and precision, those on the test file, the promised interval, and whether it held."""
    decider, decisions = draw.model.decisions(draw.answers, promise)
    held_out = decider.held_out
    places = draw.answers.probabilities.argmax(axis=1).tolist()
    routed = [
        draw.model.names[place] == label
        for place, label, decision in zip(places, truth, decisions, strict=True)
        if decision == "route"
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


if __name__ == "__main__":
    main()
