"""What names of classes teach: python -m benchmarks.class_names --workspace DIR --labels 250 --candidates linear.v1

Each candidate learns from some labels of one half of a workspace and is asked about the other half, with the
names of the classes and without; also with names that say nothing ("topic 7"), and with those of other classes.
The whole pool is there each time.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.table import machine, print_rows
from firstline.evaluation.metrics import differences, score_repeated
from firstline.steps import run_to_end
from firstline.store.messages import Labelled, read_for_training
from firstline.store.workspace import Workspace
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Context
from firstline.training.candidates.class_names import prepare_for
from firstline.training.folds import Folds
from firstline.types import Label

VARIANTS = ("none", "names", "codes", "wrong")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--labels", type=int, default=250, help="how many of a half are learned; 0: all of it")
    parser.add_argument("--candidates", default="linear.v1,lsa.v1")
    parser.add_argument("--variants", default="none,names", help=", ".join(VARIANTS))
    parser.add_argument("--repeats", type=int, default=2, help="how often the halves are drawn")
    arguments = parser.parse_args()
    place = Workspace.find(arguments.workspace)
    data = read_for_training(place.database)
    rows = []
    for candidate in arguments.candidates.split(","):
        answers = {
            variant: _answers(candidate, variant, data, place, arguments.labels, arguments.repeats)
            for variant in arguments.variants.split(",")
        }
        plain = answers.get("none")
        for variant, answered in answers.items():
            figures = score_repeated(data.labels, answered)
            cells = [candidate, variant, f"{figures.accuracy:.3f}", f"{figures.macro_f1:.3f}"]
            if plain and variant != "none":
                apart = differences(data.labels, answered, plain)
                cells += [
                    f"{100 * apart[name].value:+.1f} ({100 * apart[name].low:+.1f} to {100 * apart[name].high:+.1f})"
                    for name in ("accuracy", "macro_f1")
                ]
            rows.append([*cells, *[""] * (6 - len(cells))])
    learned = f"{arguments.labels} labels" if arguments.labels else "half of the labels"
    print_rows(
        f"{place.folder.name}, {learned} learned, {len(data.labels):,} answers, {arguments.repeats} times, {machine()}",
        ("candidate", "learns", "accuracy", "macro-F1", "more accuracy, points", "more macro-F1"),
        rows,
    )


def _answers(
    candidate: str, variant: str, data: Labelled, place: Workspace, n_labels: int, repeats: int
) -> list[list[Label]]:
    """What is said of each labelled message, (repeats, n_messages), in the names that the classes really have."""
    known_as = _known_as(variant, sorted(set(data.labels)))
    known = replace(data, labels=[known_as[label] for label in data.labels])
    context = replace(
        Context.of(place.settings, 0, place.language_models, place.folder), has_class_names=variant != "none"
    )
    make = run_to_end(prepare_for(find_candidate(candidate), context, known))
    real = {other: label for label, other in known_as.items()}
    names = sorted(real)
    answered = []
    for seed in range(repeats):
        guesses = np.zeros(len(data.labels), np.int64)
        # Halves by the real names, so that all variants have the same.
        for learned, held_out in Folds(data, 2, 1, seed).splits[0]:
            few = _drawn(learned, data.labels, n_labels, seed)
            fitted = make().fit([known.messages[i] for i in few], [known.labels[i] for i in few], known.unlabelled)
            found = fitted.predict_proba([known.messages[i] for i in held_out]).argmax(axis=1)
            guesses[held_out] = [names.index(fitted.labels_[column]) for column in found]
        answered.append([real[names[guess]] for guess in guesses])
    return answered


def _known_as(variant: str, labels: list[Label]) -> dict[Label, Label]:
    if variant == "codes":
        return {label: f"topic {number}" for number, label in enumerate(labels, start=1)}
    if variant == "wrong":
        return dict(zip(labels, [*labels[1:], labels[0]], strict=True))
    return {label: label for label in labels}


def _drawn(learned: NDArray[np.int64], labels: list[Label], n_labels: int, seed: int) -> NDArray[np.int64]:
    """So many of them at random, and one of each class that would be missing; 0: all."""
    if not n_labels:
        return learned
    order = np.random.default_rng(seed).permutation(learned)
    drawn, rest = order[:n_labels], order[n_labels:]
    missing = {labels[place]: place for place in rest} if len(rest) else {}
    have = {labels[place] for place in drawn}
    return np.array([*drawn, *(place for label, place in sorted(missing.items()) if label not in have)], np.int64)


if __name__ == "__main__":
    main()
