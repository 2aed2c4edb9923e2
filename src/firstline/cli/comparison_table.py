"""The parts that the tables of `firstline train` and `firstline runs show` share."""

from collections.abc import Iterable, Mapping

COSTS = ("training", "p50\np99", "memory\nsize")
LEGEND = "training: time of all folds; p50, p99: latency of one answer on one core; memory, size: of the served model"


def mixture(weights: Mapping[str, float], dropped: Iterable[str], too_slow: Iterable[str]) -> str:
    """`62 % lsa.v1, 38 % forest.v1; left out: linear.v1 (too little gain for the time)`."""
    parts = sorted(weights.items(), key=lambda item: -item[1])
    text = ", ".join(f"{100 * weight:.0f} % {name}" for name, weight in parts)
    if dropped:
        text += f"; left out: {', '.join(dropped)} (too little gain for the time)"
    return text + (f"; left out: {', '.join(too_slow)} (too slow together with the others)" if too_slow else "")
