"""What each candidate would take, for `firstline advise` and to see which fit in a training's minutes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from firstline.errors import FirstlineError
from firstline.evaluation.serving_cost import resident_bytes
from firstline.processes import usable_memory_bytes
from firstline.training.candidates import find_candidate
from firstline.training.candidates.estimate import Estimate, Workload
from firstline.training.folds import usable_folds
from firstline.training.place import problem_of


@dataclass(frozen=True)
class Estimated:
    """A candidate, whether it makes sense, and what it would take; figures are None if they are not known."""

    candidate: str
    makes_sense: bool
    reason: str
    seconds: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None


def estimates(names: Iterable[str], workload: Workload) -> Iterator[Estimated]:
    """An estimate for each candidate, as it is made; each measures for seconds.

    A name that is not known, or a candidate that could not be trained here, has a reason instead of figures.
    """
    for name in dict.fromkeys(names):
        found = _estimated(name, workload)
        if found.makes_sense:
            workload = replace(workload, before=(*workload.before, name))
        yield found


def eligible(name: str, workload: Workload) -> tuple[bool, str]:
    """Whether a candidate makes sense here, and why; measures nothing."""
    try:
        return find_candidate(name).eligible(workload)
    # Whatever makes a candidate fail is the reason why this one is left out.
    except Exception as error:
        return False, _reason(error)


def lack_of_memory(estimate: Estimate) -> str:
    """Why a training does not fit into the memory; empty if it fits."""
    needed, usable = estimate.memory_bytes, usable_memory_bytes(resident_bytes())
    if needed <= usable:
        return ""
    return f"needs about {needed / 1e9:.1f} GB of memory; {usable / 1e9:.1f} GB are available here"


def _estimated(name: str, workload: Workload) -> Estimated:
    try:
        kind = find_candidate(name)
        usable_folds(workload.data.labels, workload.folds)
        makes_sense, reason = kind.eligible(workload)
        found = kind.estimate(workload)
    except Exception as error:
        return Estimated(name, False, _reason(error))
    lacking = lack_of_memory(found)
    makes_sense, reason = (False, lacking) if lacking else (makes_sense, reason)
    return Estimated(name, makes_sense, reason, found.seconds, found.memory_bytes, found.disk_bytes)


def _reason(error: Exception) -> str:
    next_step = error.next_step if isinstance(error, FirstlineError) else ""
    return f"{problem_of(error)} {next_step}".rstrip()
