"""`blend.v1`: several candidates answer together, each by the weight that fits held-out labels best."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.files import PartSource
from firstline.evaluation.serving_cost import resident_bytes
from firstline.steps import Stage
from firstline.training.candidates.base import Context, Learner, NoSettings
from firstline.training.candidates.estimate import Eligible, Estimate, Workload
from firstline.training.folds import cross_validate, usable_folds
from firstline.training.mixture import Mixture, fit_mixture
from firstline.types import Label, Message

_ALONE = ("linear.v1", "lsa.v1")


class Blend:
    """A mixture of candidates; `firstline train` gives it the candidates of its run, and what they said.

    Without a `mixture` it cross-validates its members itself.
    """

    name: ClassVar[str] = "blend.v1"
    extra: ClassVar[str] = "train"
    settings_type: ClassVar[type] = NoSettings
    spreads: ClassVar[bool] = False
    borrowed_s: float = 0.0

    def __init__(
        self,
        members: Mapping[str, Callable[[], Learner]],
        seed: int = 0,
        n_folds: int = 3,
        mixture: Mixture | None = None,
    ) -> None:
        self.members = members
        self.seed = seed
        self.n_folds = n_folds
        self.mixture = mixture

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Prepare the members that a blend has by itself: those that cost nothing."""
        from firstline.training.candidates import find_candidate

        members: dict[str, Callable[[], Learner]] = {}
        for name in _ALONE:
            members[name] = yield from find_candidate(name).prepare(context, messages)
        return lambda: cls(members, context.seed)

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        """It costs nothing to see."""
        return True, "mixes the others where that answers better"

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        """Nothing besides its parts: training those again on all labels is in their own estimates."""
        return Estimate(0.0, resident_bytes(), 0)

    @classmethod
    def forget_kept(cls, context: Context) -> None:
        """Nothing is kept."""

    @classmethod
    def encoders(cls, context: Context) -> tuple[str, ...]:
        """Its members are asked themselves."""
        return ()

    @classmethod
    def starts_from(cls, context: Context) -> str:
        """Its members are asked themselves."""
        return ""

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Choose the weights, then train the members that have one on everything."""
        self.mixture_ = self.mixture or self._mix(messages, labels, unlabelled)
        self.members_ = {name: self.members[name]().fit(messages, labels, unlabelled) for name in self.mixture_.weights}
        self.borrowed_s = sum(member.borrowed_s for member in self.members_.values())
        self.labels_ = sorted(set(labels))
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities, (n_messages, n_labels); rows sum to 1."""
        return self.mixture_.predict_proba(
            {name: member.predict_proba(messages) for name, member in self.members_.items()}
        )

    def parts(self) -> list[PartSource]:
        """The parts of all members, which have one each."""
        return [
            PartSource(part.export, weight, self.mixture_.temperatures[name])
            for name, weight in self.mixture_.weights.items()
            for (part,) in [self.members_[name].parts()]
        ]

    def describe(self) -> dict[str, object]:
        """Weights and temperatures, what was left out, and the settings of the members."""
        return {
            "weights": dict(self.mixture_.weights),
            "temperatures": dict(self.mixture_.temperatures),
            "dropped": dict(self.mixture_.dropped),
            "members": {name: member.describe() for name, member in self.members_.items()},
        }

    def _mix(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Mixture:
        names = sorted(set(labels))
        truth = np.array([names.index(label) for label in labels], np.int64)
        n_folds, _ = usable_folds(labels, self.n_folds)
        probabilities = {}
        learned = np.zeros(len(truth), np.bool_)
        for name, make in self.members.items():
            found = np.zeros((len(truth), len(names)), np.float32)
            for fold in cross_validate(make, messages, labels, unlabelled, n_folds, self.seed):
                found[fold.held_out] = fold.probabilities
                learned[fold.held_out] = fold.learned[truth[fold.held_out]]
            probabilities[name] = found
        return fit_mixture(probabilities, truth, dict.fromkeys(probabilities, 0.0), learned)
