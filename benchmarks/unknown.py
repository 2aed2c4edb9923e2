"""How well unknown messages are told apart: python -m benchmarks.unknown --data DIR --language en --hide 0.25

`DIR` holds labelled.csv and test.csv, each with the columns text and label. With `--hide`, training does not see a
share of the classes, and their test messages are the unknown ones. Otherwise these are in unknown.csv. `--per-class`
trains on this many messages of each class, drawn at random. `--none` labels this many messages of pool.csv, of other
classes than those in labelled.csv, as none of the classes. Prints the AUROC of novelty, the share of the unknown
messages that are called unknown, the share of the others that are, and the share of the others that are kept and right.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.answering import Asked, context_of, read, trained
from benchmarks.table import machine, print_rows
from firstline.evaluation.answered import auroc


class Draw(NamedTuple):
    """The training messages, the test messages of the classes, and the unknown ones."""

    learned: Asked
    asked: Asked
    unknown: Asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--language", default="ru")
    parser.add_argument("--candidate", default="linear.v1")
    parser.add_argument("--encoder", default="none")
    parser.add_argument("--keep", type=Path, help="keeps sentence vectors")
    parser.add_argument("--hide", type=float, default=0.0, help="share of the classes that training does not see")
    parser.add_argument("--per-class", type=int, help="labelled messages of each class, drawn at random")
    parser.add_argument("--none", type=int, default=0, help="messages labelled as none of the classes")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--draws", type=int, default=5)
    arguments = parser.parse_args()
    context = context_of(arguments.language, arguments.encoder, arguments.keep)
    rows = []
    for seed in range(arguments.draws):
        draw = _draw(arguments.data, arguments.hide, arguments.per_class, seed)
        none = _outsiders(arguments.data, draw.learned, arguments.none, seed)
        model = trained(draw.learned, arguments.candidate, context, arguments.folds, seed, none.messages)
        usual, unknown = model.answers(draw.asked.messages), model.answers(draw.unknown.messages)
        decisions = model.decisions(usual)[1]
        right = [
            model.names[place] == label and decision != "unknown"
            for place, label, decision in zip(
                usual.probabilities.argmax(axis=1).tolist(), draw.asked.labels, decisions, strict=True
            )
        ]
        caught = [decision == "unknown" for decision in model.decisions(unknown)[1]]
        lost = [decision == "unknown" for decision in decisions]
        area = auroc(unknown.novelty.tolist(), usual.novelty.tolist()) or 0.0
        rows.append([area, *(float(np.mean(found)) for found in (caught, lost, right))])
    what = f"{arguments.candidate}, {arguments.encoder}, {arguments.data.name}, {machine()}"
    cells = [[str(seed), *(f"{figure:.3f}" for figure in row)] for seed, row in enumerate(rows)]
    means = ["mean", *(f"{figure:.3f}" for figure in np.mean(rows, axis=0))]
    print_rows(what, ("draw", "AUROC", "unknown caught", "usual lost", "usual right"), [*cells, means])


def _draw(data: Path, hidden: float, per_class: int | None, seed: int) -> Draw:
    labelled, test = read(data / "labelled.csv"), read(data / "test.csv")
    random = np.random.default_rng(seed)
    names = sorted(set(labelled.labels))
    hides = set(random.permutation(names)[: int(len(names) * hidden)])
    places = [place for place, label in enumerate(labelled.labels) if label not in hides]
    if per_class:
        order = random.permutation(places)
        of_class = {name: [place for place in order if labelled.labels[place] == name] for name in names}
        places = sorted(place for found in of_class.values() for place in found[:per_class])
    if not hidden:
        return Draw(labelled.those(places), test, read(data / "unknown.csv"))
    usual = [place for place, label in enumerate(test.labels) if label not in hides]
    unknown = [place for place, label in enumerate(test.labels) if label in hides]
    return Draw(labelled.those(places), test.those(usual), test.those(unknown))


def _outsiders(data: Path, learned: Asked, n: int, seed: int) -> Asked:
    """Messages of the pool whose class is not among those that are learned."""
    if not n:
        return Asked([], [])
    pool, known = read(data / "pool.csv"), set(learned.labels)
    others = [place for place, label in enumerate(pool.labels) if label not in known]
    return pool.those(np.random.default_rng(seed).permutation(others)[:n].tolist())


if __name__ == "__main__":
    main()
