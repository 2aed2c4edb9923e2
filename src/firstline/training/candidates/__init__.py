"""The candidates, by name. A name carries a version, since bundles store it."""

from collections.abc import Sequence
from importlib import import_module

from firstline.errors import CandidateUnknown, ExtraMissing
from firstline.training.candidates.base import Candidate

_CLASSES = {
    "linear.v1": "firstline.training.candidates.linear:Linear",
    "lsa.v1": "firstline.training.candidates.lsa:Lsa",
    "forest.v1": "firstline.training.candidates.forest:Forest",
    "embedding.v1": "firstline.training.candidates.embedding:Embedding",
    "encoder.v1": "firstline.training.candidates.encoder.candidate:FineTuned",
    "ulmfit.v1": "firstline.training.candidates.ulmfit.candidate:Ulmfit",
    "tpot.v1": "firstline.training.candidates.tpot.candidate:Tpot",
    "blend.v1": "firstline.training.blend:Blend",
}
NAMES = tuple(_CLASSES)
_EXTRAS = {"tpot.v1": "search"}
"""The extra that a candidate needs, where it is not `train`."""
AUTO = "auto"


def expand(names: Sequence[str]) -> list[str]:
    """Each name once; `auto` is all that there are. Raises `CandidateUnknown`."""
    found = list(dict.fromkeys(known for name in names for known in (NAMES if name == AUTO else (name,))))
    for name in found:
        if name not in _CLASSES:
            raise CandidateUnknown(f"There is no candidate '{name}'.", f"Known: {AUTO}, {', '.join(NAMES)}")
    return found


def find_candidate(name: str) -> type[Candidate]:
    """The class of a candidate.

    Raises `CandidateUnknown`, or `ExtraMissing` where what it needs is not installed.
    """
    expand([name])
    module, _, attribute = _CLASSES[name].partition(":")
    try:
        found: type[Candidate] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("firstline"):
            raise
        raise ExtraMissing(f"The candidate '{name}'", _EXTRAS.get(name, "train")) from error
    return found
