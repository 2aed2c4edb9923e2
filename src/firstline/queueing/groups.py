"""Groups of messages without a label that are really alike, for people to label together.

k-means finds centres; each message goes to its nearest, and the nearest 16 of each centre are a group. See
docs/EXPERIMENTS.md for how often a whole group is of one class.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstline.queueing.clusters import clusters_of
from firstline.store.clusters import Clustered
from firstline.text.shown_words import shown_words

FEWEST, MOST = 8, 16
"""So many messages a group has."""
_MOST_GROUPS, _MOST_SHOWN = 100, 60
"""So many of the tightest groups are looked at, and so many of these are shown, the surest first."""
_MOST_SAMPLED = 6_000
"""Of a larger pool, k-means reads a sample."""
_PER_CENTRE = 10
_AT_ONCE = 5_000
_CLEAR = 0.8
"""A class is suggested if it is the first guess for at least this share of the group."""
_MOST_COMPARED = 5_000
_MOST_WORDS = 6
_FEWEST_LETTERS = 3
_COMMON_SHARE = 0.3
_TIMES_AS_COMMON = 3.0

Guesses = Sequence[tuple[int, float]]
"""Class ids with shares, 0 to 1, the likeliest first."""


@dataclass(frozen=True)
class Group:
    """Messages that are alike, (n,): their places in the pool, the most alike first, and how alike.

    `similarities` are cosines to the centre of the group, -1 to 1.
    """

    places: NDArray[np.int64]
    similarities: NDArray[np.float32]


def groups_of(vectors: NDArray[np.float32], is_open: NDArray[np.bool_], seed: int) -> list[Group]:
    """Groups of open messages, the tightest first; at most 100. No message is in two.

    `vectors` are unit vectors, (n_messages, n_dimensions); `is_open`, (n_messages,), is False for messages that are not
    to be grouped. Takes seconds with 50,000 messages.
    """
    candidates = np.flatnonzero(is_open)
    if len(candidates) < FEWEST:
        return []
    random = np.random.default_rng([seed, len(candidates)])
    sample = random.permutation(candidates)[:_MOST_SAMPLED]
    n_centres = max(1, len(sample) // _PER_CENTRE)
    centres = _means(vectors[sample], clusters_of(vectors[sample], n_centres, int(random.integers(2**31))))
    parts = (candidates[start : start + _AT_ONCE] for start in range(0, len(candidates), _AT_ONCE))
    nearest = np.concatenate([(vectors[part] @ centres.T).argmax(axis=1) for part in parts])
    found = [_group(vectors, candidates[nearest == number]) for number in range(len(centres))]
    usable = [one for one in found if len(one.places) >= FEWEST]
    return sorted(usable, key=lambda one: -float(one.similarities.mean()))[:_MOST_GROUPS]


def clusters_to_show(
    groups: Sequence[Group], guesses: Sequence[Sequence[Guesses]], ids: Sequence[int], texts: Sequence[str]
) -> list[Clustered]:
    """The groups as rows: those whose class is surest first, those whose class is unclear last; at most 60.

    `guesses` are those of the messages of each group. `ids` and `texts` are those of the pool, (n_messages,).
    """
    classes = [suggested_class(one) for one in guesses]
    order = sorted(range(len(groups)), key=lambda number: -(classes[number] or (0, 0.0))[1])[:_MOST_SHOWN]
    others = texts[:: len(texts) // _MOST_COMPARED + 1]
    rows = []
    for rank, number in enumerate(order):
        group, (class_id, share) = groups[number], classes[number] or (None, None)
        members = list(zip([ids[place] for place in group.places], group.similarities.tolist(), strict=True))
        words = telling_words([texts[place] for place in group.places], others)
        rows.append(Clustered(rank, members, class_id, share, words))
    return rows


def suggested_class(guesses: Sequence[Guesses]) -> tuple[int, float] | None:
    """The likeliest class of a group of messages, and its mean share, 0 to 1; None if it is unclear."""
    sums: Counter[int] = Counter()
    for of_message in guesses:
        sums.update(dict(of_message))
    if not sums:
        return None
    (class_id, total), *_ = sums.most_common(1)
    n_first = sum(of_message[0][0] == class_id for of_message in guesses if of_message)
    return (class_id, total / len(guesses)) if n_first >= _CLEAR * len(guesses) else None


def telling_words(texts: Sequence[str], others: Sequence[str]) -> list[str]:
    """At most 6 words that many texts of a group have, and few of the others, the most telling first.

    Masks and numbers are no words. A word has to be in at least three texts.
    """
    inside, outside = _counts(texts), _counts(others)
    found: list[tuple[float, str]] = []
    for word, count in inside.items():
        share, usual = count / len(texts), (outside[word] + 1) / (len(others) + 1)
        if count >= max(3, _COMMON_SHARE * len(texts)) and share >= _TIMES_AS_COMMON * usual:
            found.append((share * float(np.log(share / usual)), word))
    return [word for _, word in sorted(found, key=lambda one: (-one[0], one[1]))[:_MOST_WORDS]]


def _counts(texts: Sequence[str]) -> Counter[str]:
    """How many texts have each word."""
    counts: Counter[str] = Counter()
    for text in texts:
        words = {text[one.start : one.end].lower() for one in shown_words(text) if one.kind == "word"}
        counts.update(word for word in words if len(word) >= _FEWEST_LETTERS and word[0].isalpha())
    return counts


def _group(vectors: NDArray[np.float32], places: NDArray[np.int64]) -> Group:
    """The at most 16 messages that are nearest to the mean of all."""
    mean = vectors[places].sum(axis=0)
    similarities = vectors[places] @ (mean / np.maximum(np.linalg.norm(mean), 1e-9))
    order = np.argsort(-similarities, kind="stable")[:MOST]
    return Group(places[order], similarities[order])


def _means(vectors: NDArray[np.float32], clusters: NDArray[np.int64]) -> NDArray[np.float32]:
    """The mean of each cluster that is not empty as a unit vector, (n_clusters, n_dimensions)."""
    _, rows = np.unique(clusters, return_inverse=True)
    sums = np.zeros((int(rows.max()) + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, rows, vectors)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9), np.float32)
