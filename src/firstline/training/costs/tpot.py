"""The cost of `tpot.v1`: the limit of time that it has in each training."""

from firstline.evaluation.serving_cost import resident_bytes
from firstline.processes import n_usable_cores
from firstline.steps import run_to_end
from firstline.training.candidates.tpot.candidate import Tpot
from firstline.training.costs.base import Cost, Workload

_WORKER_BYTES, _BUNDLE_BYTES = 600_000_000, 60_000_000


class TpotCost:
    """At most: a search that has tried what it was asked for ends earlier."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        run_to_end(Tpot.prepare(workload.context, []))
        return True, f"searches for pipelines, up to {_tpot(workload).minutes:g} minutes in each fold"

    def measure(self, workload: Workload) -> Cost:
        seconds = 60 * _tpot(workload).minutes * len(workload.learned)
        return Cost(seconds, resident_bytes() + n_usable_cores() * _WORKER_BYTES, _BUNDLE_BYTES)


def _tpot(workload: Workload) -> Tpot:
    return Tpot(workload.context, **workload.context.chosen_for("tpot.v1"))
