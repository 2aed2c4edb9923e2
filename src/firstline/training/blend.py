"""`blend.v1`: several candidates answer together, each with the weight that fits held-out labels best."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.files import PartSource
from firstline.evaluation.out_of_fold import OutOfFold
from firstline.training.candidates import BLEND
from firstline.training.folds import Folds
from firstline.training.mixture import Mixture, fit_mixture
from firstline.training.results import Evaluated, Make, Skipped, is_within
from firstline.training.saved_folds import Cost
from firstline.types import Label, Message

_LEAST_GAIN = 0.0
"""In macro-F1, with 97.5 % confidence."""


class Blend:
    """Candidates that are trained on the same messages, and answer with a weighted mean."""

    def __init__(self, members: Mapping[str, Make], mixture: Mixture) -> None:
        self.members = members
        self.mixture = mixture

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Train each member that has a weight."""
        self.members_ = {name: self.members[name]().fit(messages, labels, unlabelled) for name in self.mixture.weights}
        self.borrowed_s = sum(member.borrowed_s for member in self.members_.values())
        self.labels_ = sorted(set(labels))
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities, (n_messages, n_labels); rows sum to 1."""
        return self.mixture.predict_proba(
            {name: member.predict_proba(messages) for name, member in self.members_.items()}
        )

    def parts(self) -> list[PartSource]:
        """The parts of all members, which have one each."""
        return [
            PartSource(part.export, weight, self.mixture.temperatures[name])
            for name, weight in self.mixture.weights.items()
            for (part,) in [self.members_[name].parts()]
        ]

    def describe(self) -> dict[str, object]:
        """Weights, temperatures, the dropped candidates, and the settings of the members."""
        return {
            "weights": dict(self.mixture.weights),
            "temperatures": dict(self.mixture.temperatures),
            "dropped": dict(self.mixture.dropped),
            "members": {name: member.describe() for name, member in self.members_.items()},
        }


def fit_blend(members: Sequence[Evaluated], folds: Folds, latency_ms: float | None = None) -> Evaluated | Skipped:
    """The best mixture of evaluated candidates, unless one of them alone is about as good.

    Each fold is answered with weights that were fitted on the other folds, so the figures are honest; the weights
    of the model are fitted on all. The cost is the sum of its parts'; at the 99th percentile it is at most
    `latency_ms`, if given. A blend that is not better than its best part by more than the interval of the difference
    is skipped: it would take longer to answer for a gain that may be chance.
    """
    by_name = {one.name: one for one in members}
    # In whole milliseconds, so that other work of the machine does not choose the parts.
    medians = {name: round(one.cost.latency_ms["p50"]) for name, one in by_name.items()}
    learned = np.all([one.answers.learned for one in members], axis=0)
    answers_of = {name: one.answers.wide for name, one in by_name.items()}
    n_taught = len(folds.data.taught)
    # Messages of none of the classes are labelled as much as the others, and every fold learned some.
    truth = np.append(folds.truth, np.full(n_taught, len(folds.names)))
    known = np.pad(learned, ((0, 0), (0, n_taught)), constant_values=True)

    def fits(names: Sequence[str]) -> bool:
        return is_within(_summed([by_name[name].cost for name in names]).latency_ms, latency_ms)

    mixed = np.zeros_like(answers_of[members[0].name])
    for repeat, splits in enumerate(folds.wide_splits):
        answers = {name: found[repeat] for name, found in answers_of.items()}
        for others, held_out in splits:
            rest = {name: found[others] for name, found in answers.items()}
            mixture = fit_mixture(rest, truth[others], medians, known[repeat][others], fits)
            mixed[repeat, held_out] = mixture.predict_proba({name: found[held_out] for name, found in answers.items()})
    flat = {name: np.concatenate(list(found)) for name, found in answers_of.items()}
    whole = fit_mixture(flat, np.tile(truth, folds.repeats), medians, known.reshape(-1), fits)
    if len(whole.weights) == 1:
        return Skipped(BLEND, "no mixture is better than one candidate alone")
    parts = [by_name[name] for name in whole.weights]
    answers_of_all = OutOfFold.of_wide(mixed, learned, sum(one.answers.seconds for one in parts), taught=n_taught > 0)
    makers = {one.name: one.make for one in parts}
    cost = _summed([one.cost for one in parts])
    blend = Evaluated.of(BLEND, folds, answers_of_all, cost, lambda: Blend(makers, whole), whole)
    best = max(parts, key=lambda one: one.result.figures.macro_f1)
    gain = blend.difference_to(best, folds)["macro_f1"]
    if gain.low <= _LEAST_GAIN:
        interval = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        return Skipped(BLEND, f"its macro-F1 differs from that of {best.name} by {interval}, which may be chance")
    return blend


def _summed(costs: Sequence[Cost]) -> Cost:
    """The cost of candidates that answer one after the other."""
    return Cost(
        latency_ms={name: round(sum(cost.latency_ms[name] for cost in costs), 3) for name in ("p50", "p99")},
        memory_bytes=sum(cost.memory_bytes for cost in costs),
        size_bytes=sum(cost.size_bytes for cost in costs),
    )
