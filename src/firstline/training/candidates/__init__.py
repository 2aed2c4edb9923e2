"""The candidates, by name: one line for each. A name carries a version, since bundles store it."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from firstline.errors import CandidateUnknown, ExtraMissing, SettingsInvalid
from firstline.training.candidates.ranges import declared, problems_of

if TYPE_CHECKING:
    from firstline.training.candidates.base import Candidate

CLASSES = {
    "linear.v1": "firstline.training.candidates.linear:Linear",
    "lsa.v1": "firstline.training.candidates.lsa:Lsa",
    "forest.v1": "firstline.training.candidates.forest:Forest",
    "embedding.v1": "firstline.training.candidates.embedding:Embedding",
    "encoder.v1": "firstline.training.candidates.encoder.candidate:FineTuned",
    "ulmfit.v1": "firstline.training.candidates.ulmfit.candidate:Ulmfit",
    "tpot.v1": "firstline.training.candidates.tpot.candidate:Tpot",
}
AUTO = "auto"
BLEND = "blend.v1"
"""Not a candidate but a stage of training, after all candidates: it mixes their answers."""


def expand(asked: Sequence[str]) -> list[str]:
    """Each name once; `auto` stands for all, the blend among them. Raises `CandidateUnknown`."""
    every = (*CLASSES, BLEND)
    found = list(dict.fromkeys(known for name in asked for known in (every if name == AUTO else (name,))))
    for name in found:
        if name not in every:
            raise CandidateUnknown(f"There is no candidate '{name}'.", f"Known: {AUTO}, {', '.join(every)}")
    return found


def find_candidate(name: str) -> "type[Candidate]":
    """The class of a candidate.

    Raises `CandidateUnknown`, or `ExtraMissing` if what it needs is not installed.
    """
    if name == BLEND:
        raise CandidateUnknown(f"{BLEND} mixes the other candidates: it has no settings and no estimate of its own.")
    if name not in CLASSES:
        raise CandidateUnknown(f"There is no candidate '{name}'.", f"Known: {', '.join(CLASSES)}")
    module, _, attribute = CLASSES[name].partition(":")
    try:
        found: type[Candidate] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("firstline"):
            raise
        raise ExtraMissing(f"The candidate '{name}'", "train") from error
    return found


def checked(chosen: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """What `[candidates]` sets, as it is.

    Raises `SettingsInvalid`, naming the setting, what it is and what is allowed. Settings of a candidate whose extra
    is not installed here are not checked, since it cannot be trained here either.
    """
    for name, values in chosen.items():
        where = f'candidates."{name}"'
        if name not in CLASSES:
            raise SettingsInvalid(f"'{where}': there is no candidate '{name}'.", f"Known: {', '.join(CLASSES)}")
        try:
            known = declared(find_candidate(name).settings_type) if values else {}
        except ExtraMissing:
            continue
        for setting, problem in problems_of(values, known).items():
            raise SettingsInvalid(
                f"'{where}.{setting}' {problem}.", "Correct it in firstline.toml, or remove it to use the default."
            )
    return chosen
