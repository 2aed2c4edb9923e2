"""What each candidate costs, by name: one cost model for each, measured on a sample, on this machine."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module

from firstline.errors import FirstlineError, kind_of
from firstline.training.candidates import find_candidate
from firstline.training.costs.base import CostModel, Estimate, Workload
from firstline.training.folds import usable_folds

_MODELS = {
    "linear.v1": "firstline.training.costs.counting:LinearCost",
    "lsa.v1": "firstline.training.costs.counting:LsaCost",
    "forest.v1": "firstline.training.costs.counting:ForestCost",
    "embedding.v1": "firstline.training.costs.encoders:EmbeddingCost",
    "encoder.v1": "firstline.training.costs.encoders:EncoderCost",
    "ulmfit.v1": "firstline.training.costs.ulmfit:UlmfitCost",
    "tpot.v1": "firstline.training.costs.tpot:TpotCost",
    "blend.v1": "firstline.training.costs.blend:BlendCost",
}
NAMES = tuple(_MODELS)


def estimates(names: Iterable[str], workload: Workload) -> Iterator[Estimate]:
    """An estimate for each candidate, as it is made, one after the other; each measures for seconds.

    A name that is not known, or a candidate that could not be trained here, has no figures but a reason.
    """
    for name in dict.fromkeys(names):
        found = _estimate(name, workload)
        if found.makes_sense:
            workload = replace(workload, before=(*workload.before, name))
        yield found


def judge(name: str, workload: Workload) -> tuple[bool, str]:
    """Whether a candidate makes sense here, and why; measures nothing."""
    try:
        find_candidate(name)
        return _find(name).judge(workload) if name in _MODELS else (True, "")
    # What a candidate would fail of, which may be anything, `train` says of that candidate alone, and so does this.
    except Exception as error:
        return False, _reason(error)


def together(name: str, parts: Iterable[Estimate]) -> Estimate:
    """Several trainings one after the other: times and disk add up, memory is the largest.

    A figure that one of them lacks is None.
    """
    parts = list(parts)
    seconds = [part.seconds for part in parts if part.seconds is not None]
    memory = [part.memory_bytes for part in parts if part.memory_bytes is not None]
    disk = [part.disk_bytes for part in parts if part.disk_bytes is not None]
    unknown = [part.candidate for part in parts if part.seconds is None]
    return Estimate(
        candidate=name,
        makes_sense=all(part.makes_sense for part in parts),
        reason=f"not known of {', '.join(unknown)}" if unknown else "",
        seconds=None if unknown else sum(seconds),
        memory_bytes=None if len(memory) < len(parts) else max(memory, default=0),
        disk_bytes=None if len(disk) < len(parts) else sum(disk),
    )


def _estimate(name: str, workload: Workload) -> Estimate:
    try:
        find_candidate(name)
        usable_folds(workload.data.labels, workload.folds)
        if name not in _MODELS:
            return Estimate(name, True, "what it costs is not known")
        model = _find(name)
        makes_sense, reason = model.judge(workload)
        cost = model.measure(workload)
    except Exception as error:
        return Estimate(name, False, _reason(error))
    return Estimate(name, makes_sense, reason, cost.seconds, cost.memory_bytes, cost.disk_bytes)


def _reason(error: Exception) -> str:
    if isinstance(error, FirstlineError):
        return f"{error.message} {error.next_step}".rstrip()
    return kind_of(error)


def _find(name: str) -> CostModel:
    module, _, attribute = _MODELS[name].partition(":")
    model: CostModel = getattr(import_module(module), attribute)()
    return model
