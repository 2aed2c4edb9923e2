"""From points of a learning curve to what more labels should bring."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from firstline.bundle.learning_curve import Expected, PowerLaw

LEAST_POINTS = 3
_STEEPEST = 2.0
_RESAMPLES, _MOST_STEPS = 200, 200
_LEAST_WIDTH = 1e-3


def fit_power_law(
    n_labels: NDArray[np.float64], errors: NDArray[np.float64], widths: NDArray[np.float64]
) -> PowerLaw | None:
    """Error = floor + scale * n ^ -exponent, by least squares, each point weighted by 1 / width ^ 2.

    All three arguments are (n_points,); errors are 0 to 1, widths those of their intervals. None where there
    are fewer than three points. The law of Hestness et al. 2017 (Deep Learning Scaling is Predictable),
    long used for classifiers (Cortes et al. 1994). The floor is between 0 and the least error, the
    exponent between 0 and 2; a curve that does not fall comes out flat.
    """
    if len(n_labels) < LEAST_POINTS:
        return None
    # At the largest size the middle term is the scale itself: the three unknowns are then of like size.
    logs = np.log(n_labels / n_labels.max())
    weights = 1 / np.maximum(widths, _LEAST_WIDTH)
    highest = max(float(errors.min()), _LEAST_WIDTH)

    def residuals(unknown: NDArray[np.float64]) -> NDArray[np.float64]:
        floor, scale, exponent = unknown
        return np.asarray(weights * (floor + scale * np.exp(-exponent * logs) - errors), np.float64)

    found = least_squares(
        residuals,
        (highest / 4, highest / 2, 0.5),
        bounds=((0.0, 0.0, 0.0), (highest, 1.0, _STEEPEST)),
        ftol=1e-6,
        xtol=1e-6,
        max_nfev=_MOST_STEPS,
    )
    floor, scale, exponent = (float(value) for value in found.x)
    return PowerLaw(floor, scale * float(n_labels.max()) ** exponent, exponent)


def expectations(
    n_labels: NDArray[np.float64],
    is_right: Sequence[NDArray[np.bool_]],
    widths: NDArray[np.float64],
    sizes: Sequence[int],
    seed: int,
) -> tuple[PowerLaw, list[Expected]]:
    """The law of the points, and for each of `sizes` what it expects, with a 95 % interval.

    `n_labels` and `widths` are (n_points,). `is_right` tells by repetition which answers were, each
    (n_points, n_held_out), of the same messages at all points.

    Intervals: percentiles over 200 fits, each to repetitions drawn with replacement and, within each, held-out
    messages drawn with replacement, the same ones at all sizes. They tell of chance, not of a law that does
    not hold. Raises `ValueError` for fewer than three points.
    """
    errors = np.mean([1 - one.mean(axis=1) for one in is_right], axis=0)
    law = fit_power_law(n_labels, errors, widths)
    if law is None:
        raise ValueError(f"a power law needs {LEAST_POINTS} points, got {len(errors)}")
    random = np.random.default_rng(seed)
    resampled = np.empty((_RESAMPLES, len(sizes)))
    for row in range(_RESAMPLES):
        fitted = fit_power_law(n_labels, _drawn_errors(is_right, random), widths) or law
        resampled[row] = [fitted.error(size) for size in sizes]
    low, high = np.percentile(1 - resampled, [2.5, 97.5], axis=0)
    expected = []
    for place, size in enumerate(sizes):
        accuracy = 1 - law.error(size)
        expected.append(Expected(size, accuracy, min(float(low[place]), accuracy), max(float(high[place]), accuracy)))
    return law, expected


def _drawn_errors(is_right: Sequence[NDArray[np.bool_]], random: np.random.Generator) -> NDArray[np.float64]:
    """Errors of resampled repetitions and messages, (n_sizes,)."""
    errors = []
    for place in random.integers(0, len(is_right), len(is_right)):
        n_held_out = is_right[place].shape[1]
        errors.append(1 - is_right[place][:, random.integers(0, n_held_out, n_held_out)].mean(axis=1))
    return np.asarray(np.mean(errors, axis=0), np.float64)
