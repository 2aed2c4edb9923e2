"""Words of the table that `firstline train` prints and `firstline runs show` prints again."""

from collections.abc import Iterable, Mapping

COSTS = ("training", "p50\np99", "memory\nsize")
LEGEND = "training: of all folds; p50, p99: of one answer on one core; memory, size: of the model as it serves"


def mixture(weights: Mapping[str, float], dropped: Iterable[str], too_slow: Iterable[str]) -> str:
    """`62 % lsa.v1, 38 % forest.v1; without linear.v1: not worth the time`."""
    parts = sorted(weights.items(), key=lambda item: -item[1])
    text = ", ".join(f"{100 * weight:.0f} % {name}" for name, weight in parts)
    if dropped:
        text += f"; without {', '.join(dropped)}: not worth the time"
    return text + (f"; without {', '.join(too_slow)}: too slow beside the others" if too_slow else "")
