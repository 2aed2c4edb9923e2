"""What a model routes under the promise in force and under others, from the held-out answers in its bundle."""

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.decisions import Decider
from firstline.bundle.promise import Promise
from firstline.evaluation.metrics import wilson
from firstline.evaluation.promises import N_NEW, PRECISIONS, outlook, promised
from firstline.evaluation.report.data import CurvePoint, Offer, Routing, Rule, Share

_FEWEST = 30
"""Messages at the first point of the curve."""
_N_POINTS = 40


def routing(decider: Decider) -> Routing | None:
    """The shares that are routed, left to people and unknown, and the curve; None without held-out answers."""
    held_out = decider.held_out
    n = held_out.n_messages
    if decider.record is None or not n:
        return None
    asked_for = offer(decider)
    asked = {*PRECISIONS, *([decider.promise.precision] if decider.promise.precision else [])}
    return Routing(
        offer=asked_for,
        review=share(n - held_out.routed - held_out.unknown, n),
        unknown=share(held_out.unknown, n),
        rule=_rule(decider, decider.record),
        n_outsiders=round(float(decider.record.is_none.sum()) / decider.record.n_repeats),
        others=tuple(offer(decider.with_promise(Promise(precision=level))) for level in sorted(asked, reverse=True)),
        curve=_curve(decider),
    )


def share(count: float, n: float) -> Share:
    """`count` of `n`, with Wilson's interval; some repeats of an answer count as one message."""
    value, n_messages = max(count, 0.0) / n, max(round(n), 1)
    return Share(value, *wilson(value, n_messages), n_messages)


def offer(decider: Decider) -> Offer:
    """What the thresholds route, if there are held-out answers.

    The interval of what is right holds for a thousand new messages, not for all.
    """
    held_out = decider.held_out
    route = share(held_out.routed, held_out.n_messages)
    right = None
    if held_out.routed:
        interval = promised(held_out.right, held_out.routed, max(round(N_NEW * route.value), 1))
        right = Share(held_out.right / held_out.routed, *interval, round(held_out.routed))
    return Offer(decider.promise.precision, decider.promise.review, route, right, outlook(decider))


def _rule(decider: Decider, record: AnswerRecord) -> Rule | None:
    """What the team's own rule leaves to people; what is unknown is so in any case."""
    names = tuple(label for label in decider.labels if label in decider.always_review)
    if not names:
        return None
    n_left = float((~decider.may_route(record) & ~decider.is_unknown(record)).sum())
    return Rule(names, share(n_left / record.n_repeats, record.n_messages))


def _curve(decider: Decider) -> tuple[CurvePoint, ...]:
    """The most confident messages that may be routed, more and more of them."""
    record = decider.record
    if record is None:
        return ()
    may_route = decider.may_route(record)
    # The record is in the order of confidence, the least confident first.
    n_right: NDArray[np.int64] = np.cumsum(record.right[may_route][::-1], dtype=np.int64)
    fewest = min(_FEWEST * record.n_repeats, len(n_right))
    sizes = np.unique(np.linspace(fewest, len(n_right), _N_POINTS).astype(int))
    return tuple(
        CurvePoint(
            size / record.n_repeats / record.n_messages,
            share(n_right[size - 1] / record.n_repeats, size / record.n_repeats),
        )
        for size in sizes
        if size
    )
