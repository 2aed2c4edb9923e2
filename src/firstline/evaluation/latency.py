"""How long a loaded model takes for one message."""

import time
from collections.abc import Sequence

import numpy as np

from firstline.bundle.predictor import Predictor
from firstline.types import Message

_WARM_UP = 5


def latency_ms(predictor: Predictor, messages: Sequence[Message], at_most: int = 100) -> dict[str, float]:
    """Median and 99th percentile of single-message answers in this process, in milliseconds."""
    sample = messages[:: max(1, len(messages) // at_most)][:at_most]
    for message in sample[:_WARM_UP]:
        predictor.predict([message])
    times = []
    for message in sample:
        start = time.perf_counter()
        predictor.predict([message])
        times.append((time.perf_counter() - start) * 1000)
    p50, p99 = np.percentile(times, [50, 99])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}
