"""Whether intervals hold what they promise: python -m benchmarks.interval_coverage --workspace DIR --held-out DIR

Draws labelled messages of a workspace again and again, cross-validates `linear.v1` on each draw, trains it
on the whole draw and scores it on the labelled messages of another: how often does the score lie in the interval?
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.table import machine, print_rows
from firstline.evaluation.metrics import score, score_repeated
from firstline.store.messages import Labelled, read_for_training
from firstline.store.workspace import Workspace
from firstline.text.rules import TextRules
from firstline.training.candidates.linear import Linear
from firstline.training.folds import Folds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True, help="a workspace with other messages of the same kind")
    parser.add_argument("--labels", type=int, default=1_000, help="how many a draw has")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    place = Workspace.find(arguments.workspace)
    data = read_for_training(place.database)
    rules = TextRules.of_language(place.settings.language)
    held = read_for_training(Workspace.find(arguments.held_out).database)
    covered: dict[str, list[bool]] = {"accuracy": [], "macro_f1": []}
    rows = []
    for seed in range(arguments.draws):
        drawn = np.sort(np.random.default_rng(seed).permutation(len(data.labels))[: arguments.labels])
        messages, labels = [data.messages[i] for i in drawn], [data.labels[i] for i in drawn]
        names = sorted(set(labels))
        repeats = []
        for repeat in range(arguments.repeats):
            guessed = np.empty(len(labels), object)
            folds = Folds(Labelled(messages, labels, [], 0), arguments.folds, 1, seed * 100 + repeat)
            for fold in folds.train_all(lambda: Linear(rules)):
                guessed[fold.held_out] = [names[place] for place in fold.probabilities.argmax(axis=1)]
            repeats.append(guessed.tolist())
        expected = score_repeated(labels, repeats, seed)
        fitted = Linear(rules).fit(messages, labels, [])
        answers = [fitted.labels_[place] for place in fitted.predict_proba(held.messages).argmax(axis=1)]
        found = score(held.labels, answers, seed)
        cells = [str(seed)]
        for name, is_in in covered.items():
            low, high = expected.intervals[name]
            is_in.append(low <= getattr(found, name) <= high)
            cells += [
                f"{getattr(expected, name):.3f} ({low:.3f}-{high:.3f})",
                f"{getattr(found, name):.3f}{'' if is_in[-1] else ' outside'}",
            ]
        rows.append(cells)
    print_rows(
        f"{place.folder.name}, {arguments.labels} labels a draw, {arguments.folds} folds, {arguments.repeats} times,"
        f" {machine()}",
        ("draw", "accuracy expected", "came true", "macro-F1 expected", "came true"),
        rows,
    )
    for name, is_in in covered.items():
        print(f"{name}: {sum(is_in)} of {len(is_in)} inside")


if __name__ == "__main__":
    main()
