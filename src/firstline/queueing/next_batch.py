"""The next messages to label: typical ones first, then those that teach a model most, with some at random."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head
from firstline.labelling.queue import Mix, Queued, QueueReason, mixed, sampled
from firstline.labelling.second_look import doubtful
from firstline.labelling.typical import typical
from firstline.labelling.uncertainty import central, flips, margins
from firstline.queueing.clusters import clusters_of
from firstline.training.candidates.regression import fit_regression
from firstline.types import NONE, Label

_C = 10.0
"""As in `embedding.v1`."""
_MOST_CLUSTERS = 500
_FLIPS = 2
_FEWEST, _MOST = 2, 10
"""How many candidates k-means groups for each message of a batch: the closest calls among those whose answer flips."""
_MOST_CHECKED = 20_000
"""Of more labels, a sample is checked: all of a large history at once would take gigabytes."""
_MOST_NONE = 0.5
"""A message that belongs to none of the classes with a higher probability is only drawn at random."""


@dataclass(frozen=True)
class LabelledPool:
    """What the queue reads: `vectors` are unit vectors around their mean, (n_messages, n_dimensions).

    `labels` are the labels so far by place; `NONE` is a label like any other. `n_classes` are the classes of the team.
    `skipped` places are not offered, and `checked` ones are not offered again as suspects. `once` are places that one
    person has labelled, so that a second one may. `recorded` are open places that the service left to a person, the
    first to be asked first. `not_drawn` places are never drawn at random, since they are no fair sample.
    """

    vectors: NDArray[np.float32]
    labels: Mapping[int, Label]
    n_classes: int
    skipped: frozenset[int] = field(default_factory=frozenset)
    checked: frozenset[int] = field(default_factory=frozenset)
    once: Sequence[int] = ()
    recorded: Sequence[int] = ()
    not_drawn: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Chosen:
    """Places of the pool, the first to be labelled first; (n,) each. `clusters` groups those that are alike."""

    reason: QueueReason
    places: NDArray[np.int64]
    clusters: NDArray[np.int64]


def next_batch(pool: LabelledPool, n: int, seed: int, mix: Mix | None = None) -> list[Queued]:
    """At most `n` messages to label next; fewer if the pool has no more.

    The same for the same pool, labels and seed. Takes seconds with 50,000 messages; of a larger pool, a sample is read.
    """
    mix = mix or Mix()
    random = np.random.default_rng([seed, len(pool.labels)])
    labelled = np.array(sorted(pool.labels), np.int64)
    read = sampled(len(pool.vectors), labelled, random)
    is_open = ~np.isin(read, [*pool.labels, *pool.skipped])
    counts = mix.counts(n, len(labelled), random, n_twice=len(pool.once), n_recorded=len(pool.recorded))
    suspects = _suspects(pool, labelled, counts["suspect"], random)
    may_draw = is_open & ~np.isin(read, list(pool.not_drawn))
    drawn = random.permutation(np.flatnonzero(may_draw))[: counts["random"]]
    is_open[drawn] = False
    fixed: dict[QueueReason, list[int]] = {"random": read[drawn].tolist(), "suspect": suspects}
    if counts["twice"]:
        once = np.array(sorted({*pool.once} - {*suspects}), np.int64)
        fixed["twice"] = random.permutation(once)[: counts["twice"]].tolist()
    if counts["recorded"]:
        taken = {*fixed["random"], *pool.labels, *pool.skipped}
        fixed["recorded"] = [place for place in pool.recorded if place not in taken][: counts["recorded"]]
        is_open &= ~np.isin(read, fixed["recorded"])
    chosen = _chosen(pool, read, is_open, n - sum(map(len, fixed.values())), mix, random)
    clusters = dict(zip(read[chosen.places].tolist(), chosen.clusters.tolist(), strict=True))
    return mixed({chosen.reason: read[chosen.places].tolist(), **fixed}, clusters, random)


def fit_head(vectors: NDArray[np.float32], labels: list[Label]) -> tuple[Head, list[Label]]:
    """A linear head on vectors, (n, n_dimensions), with at least two classes, and the labels of its columns."""
    found = fit_regression(vectors, labels, _C)
    return Head(found.weights, found.bias), found.labels


def _chosen(
    pool: LabelledPool,
    read: NDArray[np.int64],
    is_open: NDArray[np.bool_],
    n: int,
    mix: Mix,
    random: np.random.Generator,
) -> Chosen:
    """By the strategy for this number of labels; places are rows of `read`."""
    strategy = mix.strategy(len(pool.labels), pool.n_classes)
    if n < 1 or not is_open.any():
        return Chosen(strategy, np.empty(0, np.int64), np.empty(0, np.int64))
    vectors = pool.vectors[read] if len(read) < len(pool.vectors) else pool.vectors
    seed = int(random.integers(2**31))
    labels = [pool.labels[place] for place in read.tolist() if place in pool.labels]
    if strategy == "typical" or len(set(labels)) < 2:
        n_clusters = min(_MOST_CLUSTERS, len(labels) + n)
        clusters = clusters_of(vectors, n_clusters, seed)
        places = typical(vectors, clusters, is_open, n)
        return Chosen("typical", places, clusters[places])
    is_labelled = np.isin(read, list(pool.labels))
    head, names = fit_head(vectors[is_labelled], labels)
    candidates = np.flatnonzero(is_open)
    probabilities = head(vectors[candidates])
    if NONE in names:
        # They teach little, and the random ones bring enough of them.
        is_usual = probabilities[:, names.index(NONE)] < _MOST_NONE
        if is_usual.sum() >= n:
            candidates, probabilities = candidates[is_usual], probabilities[is_usual]
    order = np.argsort(margins(probabilities), kind="stable")
    if strategy == "close_call":
        places = candidates[order[:n]]
        return Chosen("close_call", places, np.full(len(places), -1))
    return _unstable(vectors, candidates[order], n, head, random)


def _unstable(
    vectors: NDArray[np.float32], candidates: NDArray[np.int64], n: int, head: Head, random: np.random.Generator
) -> Chosen:
    """One message of each of `n` groups of those whose answer flips; `candidates` begin with the closest call."""
    changed = flips(vectors[candidates], head, random)
    flipping = candidates[changed >= _FLIPS]
    if len(flipping) < _FEWEST * n:
        flipping = candidates[: _FEWEST * n]
    flipping = flipping[: _MOST * n]
    clusters = clusters_of(vectors[flipping], n, int(random.integers(2**31)))
    places = central(vectors[flipping], clusters)
    # Messages with the same vector make fewer groups.
    others = candidates[~np.isin(candidates, flipping[places])][: n - len(places)]
    groups = np.concatenate([clusters[places], np.full(len(others), -1)])
    return Chosen("unstable", np.concatenate([flipping[places], others]), groups)


def _suspects(pool: LabelledPool, labelled: NDArray[np.int64], n: int, random: np.random.Generator) -> list[int]:
    if not n:
        return []
    if len(labelled) > _MOST_CHECKED:
        labelled = random.permutation(labelled)[:_MOST_CHECKED]
    places = doubtful(pool.vectors[labelled], [pool.labels[place] for place in labelled.tolist()])
    return [place for place in labelled[places].tolist() if place not in pool.checked][:n]
