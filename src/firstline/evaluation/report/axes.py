"""Where the axes of a chart begin and end, and their ticks: evenly spaced, at round numbers."""

import math

_MOST_STEPS = 5
_ROUND = (1, 2, 5, 10)


def share_axis(lowest: float) -> list[float]:
    """Ticks of an axis of shares that ends at 1 and begins at or below `lowest`."""
    for step in (0.05, 0.1, 0.2):
        n_steps = math.ceil((1 - max(lowest, 0.0)) / step - 1e-9)
        if n_steps <= _MOST_STEPS:
            break
    n_steps = min(max(n_steps, 1), _MOST_STEPS)
    return [round(1 - step * place, 2) for place in range(n_steps, -1, -1)]


def count_axis(highest: float) -> list[int]:
    """Whole ticks of an axis that begins at 0 and ends at or above `highest`."""
    rough = max(highest, 1) / _MOST_STEPS
    power = 10 ** max(math.floor(math.log10(rough)), 0)
    step = next(power * factor for factor in (*_ROUND, 20) if power * factor >= rough)
    return [step * place for place in range(math.ceil(max(highest, 1) / step) + 1)]
