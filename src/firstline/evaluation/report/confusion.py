"""Which classes a model confuses, in an order in which confused classes are neighbours."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firstline.evaluation.report.data import Confusion
from firstline.types import Label

MOST_CLASSES = 24


def confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64], names: Sequence[Label]) -> Confusion | None:
    """The classes that are confused most, at most 24 of them; `truth` and `predicted`, (n_messages,), index `names`.

    None if every answer is right.
    """
    counts = count(truth, predicted, len(names))
    wrong = counts - np.diag(np.diag(counts))
    if not wrong.any():
        return None
    chosen = _in_order(_most_confused(wrong), wrong)
    shown = counts[np.ix_(chosen, chosen)]
    return Confusion(
        names=tuple(names[place] for place in chosen),
        counts=tuple(tuple(int(value) for value in row) for row in shown),
        n_classes=len(names),
        n_wrong=int(wrong.sum()),
        n_shown=int(shown.sum() - np.trace(shown)),
    )


def count(truth: NDArray[np.int64], predicted: NDArray[np.int64], n_labels: int) -> NDArray[np.int64]:
    """Answers by label and predicted label, (n_labels, n_labels)."""
    return np.bincount(truth * n_labels + predicted, minlength=n_labels * n_labels).reshape(n_labels, n_labels)


def pairs(wrong: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pairs of classes that are confused, most often first; the one that loses more messages stands first."""
    both = np.triu(wrong + wrong.T, 1)
    rows, columns = np.nonzero(both)
    found = sorted(zip(rows.tolist(), columns.tolist(), strict=True), key=lambda pair: (-both[pair], pair))
    return [(one, other) if wrong[one, other] >= wrong[other, one] else (other, one) for one, other in found]


def _most_confused(wrong: NDArray[np.int64]) -> list[int]:
    """Classes, pair by pair, until the next pair would be one too many."""
    chosen: list[int] = []
    for pair in pairs(wrong):
        new = [place for place in pair if place not in chosen]
        if len(chosen) + len(new) > MOST_CLASSES:
            break
        chosen += new
    return chosen


def _in_order(chosen: list[int], wrong: NDArray[np.int64]) -> list[int]:
    """Chains are joined at the ends that are confused most, those of the strongest pair first (single linkage)."""
    both = wrong + wrong.T
    chains = [[place] for place in sorted(chosen)]
    chain_of = {place: chain for chain in chains for place in chain}
    for one, other in pairs(wrong):
        left, right = chain_of.get(one), chain_of.get(other)
        if left is None or right is None or left is right:
            continue
        ways = [(left, right), (left, right[::-1]), (left[::-1], right), (left[::-1], right[::-1])]
        first, second = max(ways, key=lambda way: both[way[0][-1], way[1][0]])
        joined = [*first, *second]
        chains = [chain for chain in chains if chain is not left and chain is not right]
        chains.append(joined)
        chain_of.update(dict.fromkeys(joined, joined))
    return [place for chain in sorted(chains, key=len, reverse=True) for place in chain]
