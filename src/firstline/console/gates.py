"""What a retraining found, in words for a lead: which checks a new model passed, without figures that need a lesson."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firstline.console.words import later
from firstline.types import Label

_SENTENCES: Mapping[str, str] = {
    "self_check": later("It loads, and answers as it did after its training"),
    "comparison": later("It could be compared with the model in use"),
    "macro_f1": later("Over all classes it is not clearly worse than the model in use"),
    "classes": later("No single class is clearly worse"),
    "classes_lost": later("It knows every class of the model in use, with enough labels"),
    "always_review": later("Classes that always go to people still do"),
    "new_labels": later("New labels do not contradict the model in use more than usual"),
    "changed_labels": later("Changed labels do not look like a mistake"),
    "routed_precision": later("What it routes by itself keeps the promise"),
    "calibration": later("It is as often right as it says it is sure"),
    "latency": later("It answers fast enough"),
    "size": later("It is small enough"),
    "rolled_back": later("Nobody has rolled back from this very model"),
    "replaced": later("Nobody has put another model in its place"),
}
_UNITS: Mapping[str, str] = {
    "latency": later("%(found)s ms, at most %(limit)s"),
    "size": later("%(found)s MB, at most %(limit)s"),
}


@dataclass(frozen=True)
class Check:
    """One gate. `sentence` says what it asks for; `classes` are those that fail it.

    `measured` is a sentence with `found` and `limit`, empty if there is nothing to show.
    """

    sentence: str
    is_passed: bool
    classes: tuple[Label, ...] = ()
    measured: str = ""
    found: float = 0.0
    limit: float = 0.0


@dataclass(frozen=True)
class NewClass:
    """A class that the champion did not know. `recall` is 0 to 1.

    If at least half of its messages were taken for one class, that is `other`, and `n_taken` of them were.
    """

    name: Label
    n_labels: int
    recall: float
    other: Label = ""
    n_taken: int = 0


@dataclass(frozen=True)
class Verdict:
    """How the retraining ended that made `challenger`: its checks against `champion`, and whether it was promoted."""

    challenger: str
    champion: str
    is_promoted: bool
    checks: tuple[Check, ...]
    new_classes: tuple[NewClass, ...]
    routes_less: bool

    @property
    def is_unchanged(self) -> bool:
        """Whether the training gave the champion again."""
        return self.challenger == self.champion

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that the challenger failed."""
        return tuple(one for one in self.checks if not one.is_passed)


def verdict(result: Mapping[str, Any]) -> Verdict | None:
    """What the result of a job says, see `Judged.summary`; None if it cannot be read, as if somebody changed it."""
    try:
        return Verdict(
            challenger=str(result["challenger"]),
            champion=str(result["champion"] or ""),
            is_promoted=bool(result["promoted"]),
            checks=tuple(_check(one) for one in result["gates"]),
            new_classes=tuple(_new_class(one) for one in result["new_classes"]),
            routes_less=bool(result["warnings"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def verdicts(results: Sequence[Mapping[str, Any]]) -> dict[str, Verdict]:
    """The last verdict on each challenger; `results` are the newest first."""
    found: dict[str, Verdict] = {}
    for result in results:
        one = verdict(result)
        if one is not None and not one.is_unchanged:
            found.setdefault(one.challenger, one)
    return found


def _new_class(found: Mapping[str, Any]) -> NewClass:
    overlap = found["overlap"]
    taken = (str(overlap["other"]), int(overlap["n_taken"])) if overlap else ()
    return NewClass(str(found["label"]), int(found["n_labels"]), float(found["recall"]), *taken)


def _check(gate: Mapping[str, Any]) -> Check:
    name, found, limit = str(gate["gate"]), gate["figure"], gate["limit"]
    is_measured = name in _UNITS and found is not None and limit is not None
    return Check(
        sentence=_SENTENCES.get(name, name),
        is_passed=bool(gate["passed"]),
        classes=tuple(map(str, gate["classes"])),
        measured=_UNITS[name] if is_measured else "",
        found=float(found) if is_measured else 0.0,
        limit=float(limit) if is_measured else 0.0,
    )
