"""From held-out answers to what is routed under a promise of precision."""

import numpy as np
from numpy.typing import NDArray

from firstline.evaluation.metrics import wilson
from firstline.evaluation.report.data import CurvePoint, Offer, Routing, Share

PROMISE = 0.95
_OTHER_PROMISES = (0.99, 0.95, 0.9, 0.85, 0.8)
_FEWEST = 30
"""Routed answers that back a promise."""
_N_POINTS = 40
_FAMILIAR = 0.95
"""The share of known messages that counts as familiar."""


def routing(
    confidence: NDArray[np.float32], right: NDArray[np.bool_], novelty: NDArray[np.float32], promise: float = PROMISE
) -> Routing:
    """The shares that are routed, left to people and unknown, and the curve; all arguments are (n_messages,).

    As many of the most confident answers are routed as keep the promise together. The messages with the highest novelty
    are unknown, unless novelty is the same for all.
    """
    unknown = novelty > np.quantile(novelty, _FAMILIAR)
    order = np.argsort(-confidence, kind="stable")
    order = order[~unknown[order]]
    n_right = np.cumsum(right[order], dtype=np.int64)
    # Answers of the same confidence are routed together.
    is_last = np.append(np.diff(confidence[order]) != 0, True)[: len(order)]
    n = len(confidence)
    offers = {level: _offer(n_right, is_last, n, level) for level in (promise, *_OTHER_PROMISES)}
    offer = offers[promise]
    return Routing(
        offer=offer,
        review=share(len(order) - round(offer.route.value * n), n),
        unknown=share(int(unknown.sum()), n),
        others=tuple(offers[level] for level in sorted(offers, reverse=True)),
        curve=_curve(n_right, n),
    )


def _offer(n_right: NDArray[np.int64], is_last: NDArray[np.bool_], n: int, promise: float) -> Offer:
    n_routed = np.arange(1, len(n_right) + 1)
    keeps = (n_right / n_routed >= promise) & (n_routed >= _FEWEST) & is_last
    routed = int(n_routed[keeps].max(initial=0))
    return Offer(promise, share(routed, n), share(int(n_right[routed - 1]), routed) if routed else None)


def share(count: float, n: int) -> Share:
    """`count` of `n`, with Wilson's interval."""
    value = count / n
    return Share(value, *wilson(value, n), n)


def _curve(n_right: NDArray[np.int64], n: int) -> tuple[CurvePoint, ...]:
    sizes = np.unique(np.linspace(min(_FEWEST, len(n_right)), len(n_right), _N_POINTS).astype(int))
    return tuple(CurvePoint(size / n, share(int(n_right[size - 1]), int(size))) for size in sizes if size)
