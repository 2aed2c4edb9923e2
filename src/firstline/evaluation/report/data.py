"""What the report shows, in plain numbers: the context of its template.

Shares are 0 to 1. Texts and names are as people wrote them; the template escapes them.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from firstline.evaluation.promises import Outlook
from firstline.types import Label

Gap: TypeAlias = Literal[
    "no_figures", "no_held_out", "no_decisions", "messages_gone", "labels_changed", "no_curve", "no_estimate"
]
"""What the report lacks; the template has a sentence for each."""


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval, and what it is a share of."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Difference:
    """How many more messages than the champion this model gets right, as a share of `n` that both answered.

    Of these, the share `mine` is right with this model, and `theirs` with the champion.
    """

    value: float
    low: float
    high: float
    n: int
    mine: float
    theirs: float


@dataclass(frozen=True)
class Champion:
    """The model that serves, if the report is about another one."""

    id: str
    right: Share | None
    difference: Difference | None


@dataclass(frozen=True)
class CurvePoint:
    """If `coverage` of the messages are routed, the most confident ones, the share of them that is right."""

    coverage: float
    right: Share


@dataclass(frozen=True)
class Offer:
    """What is routed if the share `precision` of it must be right, or at most `review` may go to people.

    `right` is the share of it that is right, with the interval for a thousand new messages. It is None if nothing is
    routed: then the answers cannot back the promise. `outlook` counts those thousand, as `firstline decide` does.
    """

    precision: float | None
    review: float | None
    route: Share
    right: Share | None
    outlook: Outlook


@dataclass(frozen=True)
class Rule:
    """The classes that the team always leaves to people, and the share of all messages that this keeps there."""

    names: tuple[Label, ...]
    share: Share


@dataclass(frozen=True)
class Routing:
    """What the model does with messages under the promise in force, what other promises offer, and the curve.

    `rule` is None if the team has none. `n_outsiders` messages are of none of the classes; they count in all shares.
    """

    offer: Offer
    review: Share
    unknown: Share
    rule: Rule | None
    n_outsiders: int
    others: tuple[Offer, ...]
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class Level:
    """Messages of like confidence: the mean of what the model said, and what came true."""

    said: float
    right: Share


@dataclass(frozen=True)
class Reliability:
    """`gap` is the mean distance between confidence and truth (the calibration error)."""

    levels: tuple[Level, ...]
    gap: Share


@dataclass(frozen=True)
class ConfidenceBin:
    """Counts of right and wrong answers with a confidence from `low` to `high`."""

    low: float
    high: float
    n_right: int
    n_wrong: int


@dataclass(frozen=True)
class Confidences:
    """How sure the model is if right and if wrong: bins, and the shares that are at least `sure` sure."""

    bins: tuple[ConfidenceBin, ...]
    sure: float
    sure_of_right: Share | None
    sure_of_wrong: Share | None


@dataclass(frozen=True)
class Confusion:
    """Counts of answers, `counts[row][column]`, for the classes that are confused most; neighbours are confused.

    Rows are what people said, columns what the model said. `n_classes` counts all classes, `n_wrong` all mistakes and
    `n_shown` those in the table.
    """

    names: tuple[Label, ...]
    counts: tuple[tuple[int, ...], ...]
    n_classes: int
    n_wrong: int
    n_shown: int


@dataclass(frozen=True)
class ClassRow:
    """One class. `trusted`: of the answers with this class, those that are right; None if there are none.

    `found`: of the messages of this class, those that the model noticed; None if there are none.
    """

    name: Label
    trusted: Share | None
    found: Share | None
    n_messages: int


@dataclass(frozen=True)
class Example:
    """A message with what people and the model said; probabilities are the model's.

    `key` is that of `StoredMessage`, in hexadecimal: `firstline forget` finds reports that quote a message by it.
    `words` carried the answer, the most important first; empty if unknown.
    """

    key: str
    text: str
    label: Label
    predicted: Label
    confidence: float
    confidence_in_label: float
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Two classes that the model confuses: of the messages of `first`, `n` were taken for `second`; and back."""

    first: Label
    second: Label
    n: int
    n_back: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class GrowthPoint:
    """The share of right answers with `n_labels` labels."""

    n_labels: int
    right: Share


@dataclass(frozen=True)
class Growth:
    """The learning curve. `now` and `then` are expectations, for the present labels and for `more` more.

    It is the curve of `candidate`; `is_own` says whether the model is that candidate.
    """

    candidate: str
    is_own: bool
    points: tuple[GrowthPoint, ...]
    more: int
    now: GrowthPoint | None
    then: GrowthPoint | None


@dataclass(frozen=True)
class Facts:
    """How the model came about, and what it costs to serve. Times of answers are in milliseconds, on one core."""

    id: str
    candidate: str
    created_at: str
    language: str
    n_classes: int
    segments: tuple[str, ...]
    n_labelled: int
    n_unlabelled: int
    folds: int
    seed: int
    fingerprint: str
    masks: str
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    memory_bytes: int
    settings: tuple[tuple[str, str], ...]
    libraries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReportData:
    """The whole report. What is None or empty could not be computed; `gaps` say why.

    `n_gone` messages were forgotten or changed since the training, so that the report cannot quote them; `n_relabelled`
    have another label now.
    """

    facts: Facts
    is_champion: bool
    right: Share | None
    champion: Champion | None
    routing: Routing | None
    reliability: Reliability | None
    confidences: Confidences | None
    confusion: Confusion | None
    classes: tuple[ClassRow, ...]
    pairs: tuple[Pair, ...]
    mistakes: tuple[Example, ...]
    suspects: tuple[Example, ...]
    growth: Growth | None
    gaps: tuple[Gap, ...]
    n_gone: int
    n_relabelled: int
