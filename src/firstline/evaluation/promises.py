"""What a promise means for new messages: how many are routed by themselves, and how many of these wrongly."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.decisions import Decider, load_record
from firstline.bundle.manifest import Manifest
from firstline.bundle.promise import Promise, read_promise
from firstline.store.workspace import Workspace

_PRIOR = 0.5
_TAIL = 0.025
N_NEW = 1_000
PRECISIONS = (0.80, 0.85, 0.90, 0.95, 0.98, 0.99)


@dataclass(frozen=True)
class Outlook:
    """What to expect of `n` new messages if a promise is in force, all in messages.

    `wrong_low` to `wrong_high` is the interval in which the wrong ones among those routed lie with 95 %.
    `precision` is the expected share of right ones, None if nothing is routed.
    """

    promise: Promise
    n: int
    routed: int
    review: int
    unknown: int
    wrong: int
    wrong_low: int
    wrong_high: int
    precision: float | None
    is_out_of_reach: bool


def outlook(decider: Decider, n: int = N_NEW) -> Outlook:
    """What held-out answers let us expect of the next `n` messages."""
    held_out = decider.held_out
    shares = [count / max(held_out.n_messages, 1) for count in (held_out.routed, held_out.unknown)]
    routed, unknown = (round(n * share) for share in shares)
    precision = held_out.right / held_out.routed if held_out.routed else None
    low, high = promised(held_out.right, held_out.routed, routed)
    return Outlook(
        promise=decider.promise,
        n=n,
        routed=routed,
        review=n - routed - unknown,
        unknown=unknown,
        wrong=round(n * (held_out.routed - held_out.right) / max(held_out.n_messages, 1)),
        wrong_low=routed - round(high * routed),
        wrong_high=routed - round(low * routed),
        precision=precision,
        is_out_of_reach=decider.thresholds.is_out_of_reach,
    )


def curve(decider: Decider, precisions: Sequence[float] = PRECISIONS) -> list[Outlook]:
    """The outlook for each of several promises, from many routed messages to few."""
    return [outlook(decider.with_promise(Promise(precision=asked))) for asked in precisions]


def promised(right: float, routed: float, n_routed: int) -> tuple[float, float]:
    """The 95 % predictive interval of the share that is right among `n_routed` new routed messages, 0 to 1.

    `routed` held-out messages were routed, and `right` of them were right. Both they and the new ones are a sample: the
    number of right ones is beta-binomial, with Jeffreys' prior. Without new messages it is (0, 1).
    """
    if n_routed < 1:
        return 0.0, 1.0
    below = np.cumsum(_beta_binomial(n_routed, right + _PRIOR, max(routed - right, 0.0) + _PRIOR))
    low = int(np.searchsorted(below, _TAIL))
    high = min(int(np.searchsorted(below, 1 - _TAIL)), n_routed)
    return low / n_routed, high / n_routed


def _beta_binomial(n: int, a: float, b: float) -> NDArray[np.float64]:
    """The probability of 0 to `n` successes, (n + 1,), from the ratio of neighbours: it needs no gamma function."""
    k = np.arange(n, dtype=float)
    steps = np.log((n - k) * (k + a)) - np.log((k + 1) * (n - k - 1 + b))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    shares = np.exp(logs - logs.max())
    return np.asarray(shares / shares.sum())


def decider_of(place: Workspace, model: Manifest, models: Path | None = None) -> Decider:
    """The thresholds of a model of the workspace, or of the folder `models`, under the promise in force.

    Raises `BundleError`.
    """
    models = models or place.models
    record = load_record(models / model.id, model)
    return Decider(record, model.labels, read_promise(models), place.always_review, place.none_classes)
