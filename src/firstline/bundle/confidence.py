"""How sure an answer is: makes probabilities, as the parts of a model give them, agree with how often it is right."""

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.manifest import BetaCalibration

_NEAREST = 1e-6
"""How near to 0 and 1 a probability is taken to be at most, for logarithms."""
_LEAST_SHARE = 0.02
"""Of the distance between the best class and the even distribution, what is left at least."""


def calibrate(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Scale probabilities, (n, n_labels), by a temperature (Guo et al. 2017). The ranking does not change."""
    if temperature == 1:
        return probabilities
    logits = np.log(np.maximum(probabilities, 1e-9)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    scaled = np.exp(logits)
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), np.float32)


def signs(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """What tells whether the best class is right, (4, n): ln(p), -ln(1 - p), ln(p / q) and 1.

    p and q are the highest and second highest of each row of `probabilities`, (n, n_labels of at least 2).
    """
    pairs = np.partition(probabilities, -2, axis=1)[:, -2:].astype(np.float64)
    logs = np.log(np.maximum(pairs, _NEAREST))
    found = np.ones((4, len(pairs)))
    found[0] = logs[:, 1]
    found[1] = -np.log(np.maximum(1 - pairs[:, 1], _NEAREST))
    found[2] = logs[:, 1] - logs[:, 0]
    return found


def confidence_of(signs: NDArray[np.float64], beta: BetaCalibration) -> NDArray[np.float64]:
    """The confidence in the best class, (n,), 0 to 1, for `signs`, (4, n).

    Beta calibration (Kull, Silva Filho and Flach 2017) with a fourth weight, for the lead over the second class.
    """
    logit = np.array([beta.a, beta.b, beta.lead, beta.c]) @ signs
    # The logistic function, without overflow.
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logit))


def with_confidence(probabilities: NDArray[np.float32], beta: BetaCalibration | None) -> NDArray[np.float32]:
    """Give the best class of each row of (n, n_labels) its confidence; rows still sum to 1.

    If it rises, the row is mixed with the certain answer, so the other classes shrink; if it falls, with the even
    distribution. The order of the classes stays, and `argmax` gives the same class. Rows may sum to a little more than
    1; no confidence does.
    """
    n_messages, n_labels = probabilities.shape
    if beta is None or n_labels == 1 or not n_messages:
        return np.minimum(probabilities, np.float32(1)) if (probabilities > 1).any() else probabilities
    rows, even = np.arange(n_messages), 1 / n_labels
    best = probabilities.argmax(axis=1)
    top = probabilities[rows, best].astype(np.float64)
    wanted = np.maximum(confidence_of(signs(probabilities), beta), even + _LEAST_SHARE * (top - even))
    falls = wanted < top
    # What is mixed in gives the best class `bound`; what the others get of it is `added`.
    bound = np.where(falls, even, 1.0)
    # An answer that is certain, and stays so, has nothing to divide by.
    share = (wanted - bound) / (top - bound + (top == bound))
    added = (1 - share) * (falls * even)
    mixed = (probabilities * share[:, None] + added[:, None]).astype(np.float32)
    mixed[rows, best] = wanted
    changed = mixed.argmax(axis=1) != best
    if changed.any():  # Classes that were nearly as likely have become equal by rounding.
        mixed[rows[changed], best[changed]] = np.nextafter(mixed[changed].max(axis=1), np.float32(2))
    return np.asarray(mixed, np.float32)
