"""Weights for several candidates that answer together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.confidence import calibrate
from firstline.bundle.predictor import mean_of
from firstline.evaluation.calibration import fit_temperature

_ROUNDS, _LEAST_PROBABILITY = 200, 1e-6
_LEAST_GAIN, _GAIN_PER_MS = 0.004, 0.0004


@dataclass(frozen=True)
class Mixture:
    """`weights` sum to 1, `temperatures` calibrate each part first, both by candidate.

    `dropped` says of each candidate that was left out how much likelier, in nats a message, labels
    would have been with it. Those that are `too_slow` did not fit beside the others.
    """

    weights: Mapping[str, float]
    temperatures: Mapping[str, float]
    dropped: Mapping[str, float] = field(default_factory=dict)
    too_slow: tuple[str, ...] = ()

    def predict_proba(self, probabilities: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """The mean of uncalibrated probabilities, (n, n_labels) each, by candidate."""
        return mean_of(
            [(calibrate(probabilities[name], self.temperatures[name]), weight) for name, weight in self.weights.items()]
        )


def fit_mixture(
    probabilities: Mapping[str, NDArray[np.float32]],
    truth: NDArray[np.int64],
    latency_ms: Mapping[str, float],
    learned: NDArray[np.bool_] | None = None,
    fits: Callable[[Sequence[str]], bool] = lambda names: True,
) -> Mixture:
    """The likeliest mixture of out-of-fold probabilities, (n, n_labels) each, without parts that do not pay.

    `truth`, (n,), indexes labels; `learned`, (n,), tells whose label the fold had messages of. The
    weights of a mixture that fit labels best are found by expectation maximisation (Dempster et al.
    1977). Then the part that helps least is dropped, as long as labels get less likely by less than
    0.004 nats a message and 0.0004 more for each millisecond of its `latency_ms`. Only parts that answer fast
    enough together come into question, where `fits` says so; each alone has to.
    """
    rows = np.ones(len(truth), np.bool_) if learned is None else learned
    temperatures = {
        name: fit_temperature(found[rows], truth[rows]).temperature for name, found in probabilities.items()
    }
    likely = {
        name: np.maximum(calibrate(found, temperatures[name])[np.arange(len(truth)), truth], _LEAST_PROBABILITY)[rows]
        for name, found in probabilities.items()
    }
    kept = _likeliest(likely, fits)
    too_slow = tuple(name for name in probabilities if name not in kept)
    dropped: dict[str, float] = {}
    while len(kept) > 1:
        whole = _likelihood(likely, kept)
        losses = {name: whole - _likelihood(likely, [other for other in kept if other != name]) for name in kept}
        spare = {name: _LEAST_GAIN + _GAIN_PER_MS * latency_ms[name] - loss for name, loss in losses.items()}
        name = max(kept, key=lambda name: spare[name])
        if spare[name] <= 0:
            break
        kept.remove(name)
        dropped[name] = round(losses[name], 4)
    weights = dict(zip(kept, _weights(likely, kept).tolist(), strict=True))
    return Mixture(
        {name: round(weight, 4) for name, weight in weights.items()},
        {name: temperatures[name] for name in kept},
        dropped,
        too_slow,
    )


def _likeliest(likely: Mapping[str, NDArray[np.float32]], fits: Callable[[Sequence[str]], bool]) -> list[str]:
    """All, or of those that fit together the likeliest set, which no other can be added to."""
    sizes = range(1, len(likely) + 1)
    fitting = [chosen for size in sizes for chosen in combinations(likely, size) if fits(chosen)]
    whole = [chosen for chosen in fitting if not any(set(chosen) < set(other) for other in fitting)]
    likeliest = max(whole, key=lambda chosen: _likelihood(likely, chosen))
    return list(likeliest)


def _weights(likely: Mapping[str, NDArray[np.float32]], names: Sequence[str]) -> NDArray[np.float64]:
    values = np.stack([likely[name] for name in names]).astype(np.float64)
    weights = np.full(len(names), 1 / len(names))
    for _ in range(_ROUNDS):
        shares = weights[:, None] * values
        weights = (shares / shares.sum(axis=0)).mean(axis=1)
    return np.asarray(np.maximum(weights, 1e-3) / np.maximum(weights, 1e-3).sum())


def _likelihood(likely: Mapping[str, NDArray[np.float32]], names: Sequence[str]) -> float:
    """Mean log-likelihood in nats of the best mixture of these."""
    weights = _weights(likely, names)
    mixed = sum(weight * likely[name].astype(np.float64) for weight, name in zip(weights, names, strict=True))
    return float(np.log(mixed).mean())
