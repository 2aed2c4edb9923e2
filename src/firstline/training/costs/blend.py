"""`blend.v1` mixes what others have said: it trains nothing of its own."""

from firstline.evaluation.serving_cost import resident_bytes
from firstline.training.costs.base import Cost, Workload


class BlendCost:
    """Once the best is a blend, its parts are trained again on all labels; that is in the estimates of the parts."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        """It costs nothing to see."""
        return True, "mixes the others where that answers better"

    def measure(self, workload: Workload) -> Cost:
        """Nothing beside its parts."""
        return Cost(0.0, resident_bytes(), 0)
