"""A learning curve, in a form that a bundle stores as JSON."""

import msgspec


class _Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Point(_Struct, frozen=True):
    """Figures for one number of labels, each 0 to 1; low and high bound a 95 % interval.

    `n_held_out` counts the messages that were scored, over all repetitions.
    """

    n_labels: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_f1: float
    macro_f1_low: float
    macro_f1_high: float
    n_repetitions: int
    n_held_out: int


class PowerLaw(_Struct, frozen=True):
    """Error, 0 to 1, by number of labels n: floor + scale * n ^ -exponent."""

    floor: float
    scale: float
    exponent: float

    def error(self, n_labels: float) -> float:
        return min(1.0, self.floor + self.scale * float(n_labels**-self.exponent))


class Expected(_Struct, frozen=True):
    """The accuracy that a power law predicts for a number of labels; low and high bound a 95 % interval."""

    n_labels: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float


class LearningCurve(_Struct, frozen=True):
    """How good a candidate is with more and more labels, and what `more_labels` more should bring.

    `points` go from few labels to many. `now` is for the present `n_labels`, `expected` for `more_labels` more. `law`,
    `now` and `expected` are None if the points do not support an estimate; `note` then says why.
    """

    candidate: str
    seed: int
    n_labels: int
    more_labels: int
    points: tuple[Point, ...]
    law: PowerLaw | None = None
    now: Expected | None = None
    expected: Expected | None = None
    note: str = ""
