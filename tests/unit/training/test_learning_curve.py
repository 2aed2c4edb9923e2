from collections import Counter
from collections.abc import Callable, Generator, Sequence
from itertools import pairwise
from typing import ClassVar, Self

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.files import PartSource
from firstline.bundle.learning_curve import LearningCurve
from firstline.errors import LabelsTooFew
from firstline.evaluation.metrics import wilson
from firstline.steps import Stage, run_to_end
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context, NoSettings
from firstline.training.candidates.estimate import Eligible, Estimate, Workload
from firstline.training.candidates.linear import Linear
from firstline.training.learning_curve import learning_curve
from firstline.types import Label, Message
from tests.examples import examples

Fit = tuple[list[Message], list[Label], list[Message]]
SHARES = (0.25, 0.4, 0.6, 0.8)


class Oracle:
    """Right with a chance that grows with what it has learned; it remembers what it was given."""

    name: ClassVar[str] = "oracle.v1"
    extra: ClassVar[str] = "train"
    settings_type: ClassVar[type] = NoSettings
    spreads: ClassVar[bool] = False
    borrowed_s: float = 0.0
    labels_: list[Label]
    fits: list[Fit]
    asked: list[list[Message]]

    def __init__(self, truth: dict[Message, Label], floor: float = 0.1, exponent: float = 0.5) -> None:
        self.truth = truth
        self.floor, self.exponent = floor, exponent
        self.fits, self.asked = [], []

    def __call__(self) -> Self:
        return self

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        raise NotImplementedError

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        raise NotImplementedError

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        raise NotImplementedError

    @classmethod
    def forget_kept(cls, context: Context) -> None:
        raise NotImplementedError

    @classmethod
    def encoders(cls, context: Context) -> tuple[str, ...]:
        return ()

    @classmethod
    def starts_from(cls, context: Context) -> str:
        raise NotImplementedError

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        self.fits.append((list(messages), list(labels), list(unlabelled)))
        self.labels_ = sorted(set(labels))
        self.error = self.floor + 3 * len(labels) ** -self.exponent
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        self.asked.append(list(messages))
        found = np.zeros((len(messages), len(self.labels_)), np.float32)
        for row, message in enumerate(messages):
            is_right = self.ease(message) >= self.error
            known = self.truth[message] in self.labels_
            right = self.labels_.index(self.truth[message]) if known else 0
            found[row, right if is_right else (right + 1) % len(self.labels_)] = 1
        return found

    @staticmethod
    def ease(message: Message) -> float:
        """0 to 1, evenly spread: multiples of the golden ratio."""
        return int(message.text.split()[1]) * 0.6180339887 % 1

    def parts(self) -> list[PartSource]:
        raise NotImplementedError

    def describe(self) -> dict[str, object]:
        return {}


def workload(n_each: int = 200, classes: str = "abcd") -> tuple[list[Message], list[Label]]:
    labels = [label for label in classes for _ in range(n_each)]
    return [Message(f"message {place}") for place in range(len(labels))], labels


def curve_of(oracle: Oracle, messages: list[Message], labels: list[Label], **given: object) -> LearningCurve:
    return run_to_end(learning_curve(oracle, messages, labels, [], 0, **given))  # type: ignore[arg-type]


@pytest.fixture
def measured() -> tuple[Oracle, LearningCurve]:
    messages, labels = workload()
    oracle = Oracle(dict(zip(messages, labels, strict=True)))
    return oracle, curve_of(oracle, messages, labels, candidate="oracle.v1")


def test_a_point_for_each_share(measured: tuple[Oracle, LearningCurve]) -> None:
    _, curve = measured
    assert [point.n_labels for point in curve.points] == [200, 320, 480, 640]
    assert {point.n_repetitions for point in curve.points} == {5}
    assert {point.n_held_out for point in curve.points} == {800}


def test_figures_are_those_of_the_answers(measured: tuple[Oracle, LearningCurve]) -> None:
    _, curve = measured
    for point in curve.points:
        assert point.accuracy == pytest.approx(1 - (0.1 + 3 * point.n_labels**-0.5), abs=0.03)
        assert point.accuracy_low < point.accuracy < point.accuracy_high
        assert point.macro_f1_low < point.macro_f1 < point.macro_f1_high


def test_of_many_labels_some_are_drawn_and_the_last_point_is_the_cross_validation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firstline.training.learning_curve.MOST_LABELS", 400)
    messages, labels = workload(500)
    oracle = Oracle(dict(zip(messages, labels, strict=True)))
    # All but the first class were right out of fold.
    curve = curve_of(
        oracle, messages, labels, out_of_fold=(1_600, ["b" if label == "a" else label for label in labels])
    )
    assert [point.n_labels for point in curve.points] == [100, 160, 240, 320, 1_600]
    assert max(len(learned) for learned, _, _ in oracle.fits) == 320
    assert curve.points[-1].accuracy == pytest.approx(0.75, abs=0.05)
    assert (curve.n_labels, curve.more_labels) == (2_000, 500)
    assert curve.now is not None
    assert curve.now.n_labels == 2_000


def test_no_message_is_learned_from_and_asked_for(measured: tuple[Oracle, LearningCurve]) -> None:
    oracle, _ = measured
    for (messages, _, unlabelled), asked in zip(oracle.fits, oracle.asked, strict=True):
        assert not {*messages, *unlabelled} & set(asked)
        assert len(messages) + len(unlabelled) + len(asked) == 800


def test_each_message_is_held_out_once_in_five_repetitions(measured: tuple[Oracle, LearningCurve]) -> None:
    oracle, _ = measured
    assert Counter(message for asked in oracle.asked[:: len(SHARES)] for message in asked).most_common(1)[0][1] == 1


def test_subsets_are_stratified_and_one_inside_the_next(measured: tuple[Oracle, LearningCurve]) -> None:
    oracle, _ = measured
    for start in range(0, len(oracle.fits), len(SHARES)):
        of_one = oracle.fits[start : start + len(SHARES)]
        for (small, _, _), (large, _, _) in pairwise(of_one):
            assert set(small) < set(large)
        for _, labels, _ in of_one:
            counts = Counter(labels).values()
            assert max(counts) - min(counts) <= 2


def test_rising_accuracy_is_drawn_on(measured: tuple[Oracle, LearningCurve]) -> None:
    _, curve = measured
    assert curve.now is not None
    assert curve.expected is not None
    assert (curve.now.n_labels, curve.expected.n_labels) == (800, 1_300)
    assert curve.expected.accuracy_low < 1 - (0.1 + 3 * 1_300**-0.5) < curve.expected.accuracy_high
    assert curve.now.accuracy < curve.expected.accuracy
    assert curve.note == ""


def test_accuracy_that_does_not_grow_expects_nothing_and_says_why() -> None:
    messages, labels = workload()
    oracle = Oracle(dict(zip(messages, labels, strict=True)), floor=-2.8, exponent=0.0)
    curve = curve_of(oracle, messages, labels)
    assert (curve.law, curve.now, curve.expected) == (None, None, None)
    assert curve.note.startswith("accuracy does not grow from 200 to 640 labels")


def test_two_points_expect_nothing_and_say_why() -> None:
    messages, labels = workload()
    curve = curve_of(Oracle(dict(zip(messages, labels, strict=True))), messages, labels, shares=(0.4, 0.8))
    assert len(curve.points) == 2
    assert curve.expected is None
    assert curve.note == "2 of 3 points that it takes to expect anything"


def test_interval_is_wilsons_where_repetitions_differ_by_chance_alone() -> None:
    messages, labels = workload()
    point = curve_of(Oracle(dict(zip(messages, labels, strict=True))), messages, labels, repetitions=1).points[0]
    assert (point.accuracy_low, point.accuracy_high) == wilson(point.accuracy, 160)


def test_interval_is_wider_where_repetitions_differ_more() -> None:
    messages, labels = workload()

    class Moody(Oracle):
        def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
            super().fit(messages, labels, unlabelled)
            self.error = (0.2, 0.8)[len(self.fits) // len(SHARES) % 2]
            return self

    point = curve_of(Moody(dict(zip(messages, labels, strict=True))), messages, labels).points[0]
    low, high = wilson(point.accuracy, 800)
    assert point.accuracy_high - point.accuracy_low > 3 * (high - low)


def test_another_seed_splits_otherwise() -> None:
    messages, labels = workload()
    asked = []
    for seed in (0, 0, 1):
        oracle = Oracle(dict(zip(messages, labels, strict=True)))
        run_to_end(learning_curve(oracle, messages, labels, [], seed, shares=(0.8,), repetitions=1))
        asked.append(oracle.asked)
    assert asked[0] == asked[1] != asked[2]


def test_classes_that_a_small_subset_lacks_are_no_obstacle() -> None:
    data = examples()
    lonely = [Message(f"единственное {word}") for word in ("лето", "море", "поле", "небо", "утро", "ветер")]
    rules = TextRules.of_language("ru")
    curve = run_to_end(
        learning_curve(
            lambda: Linear(rules),
            [*data.messages, *lonely],
            [*data.labels, *(f"Редкий {place}" for place in range(len(lonely)))],
            data.unlabelled,
            0,
            shares=(0.1, 0.25, 0.8),
        )
    )
    assert [point.n_labels for point in curve.points] == [3, 8, 24]
    assert curve.points[0].n_held_out == 30


def test_a_size_that_cannot_be_trained_is_left_out_and_said() -> None:
    messages, labels = workload()

    class Hungry(Oracle):
        def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
            if len(messages) < 300:
                raise LabelsTooFew("None of the labelled messages has a word.")
            return super().fit(messages, labels, unlabelled)

    curve = curve_of(Hungry(dict(zip(messages, labels, strict=True))), messages, labels)
    assert [point.n_labels for point in curve.points] == [320, 480, 640]
    assert curve.note == "200 labels are too few to train: None of the labelled messages has a word."
    assert curve.expected is not None


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "b"], ["a"] * 20])
def test_nothing_to_learn_is_refused(labels: list[Label]) -> None:
    messages = [Message(f"message {place}") for place in range(len(labels))]
    with pytest.raises(LabelsTooFew, match="too few for a learning curve"):
        curve_of(Oracle(dict(zip(messages, labels, strict=True))), messages, labels)


def test_progress_counts_to_the_number_of_trainings() -> None:
    messages, labels = workload(20)
    oracle = Oracle(dict(zip(messages, labels, strict=True)))
    stages = list(learning_curve(oracle, messages, labels, [], 0, candidate="oracle.v1", repetitions=2))
    assert [stage.done for stage in stages] == list(range(1, 9))
    assert {(stage.what, stage.total) for stage in stages} == {("learning curve of oracle.v1", 8)}


def test_the_curve_goes_into_json_and_back(measured: tuple[Oracle, LearningCurve]) -> None:
    _, curve = measured
    assert msgspec.json.decode(msgspec.json.encode(curve), type=LearningCurve) == curve
