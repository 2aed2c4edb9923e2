import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support, precision_score

from firstline.evaluation.metrics import METRICS, differences, score, score_repeated

NAMES = ["a", "b", "c", "d"]


def random_pair(seed: int, n_messages: int = 200, right: float = 0.7) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(NAMES, n_messages, p=[0.5, 0.3, 0.15, 0.05])
    guesses = np.where(rng.random(n_messages) < right, truth, rng.choice(NAMES, n_messages))
    return truth.tolist(), guesses.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(seed: int) -> None:
    truth, guesses = random_pair(seed)
    figures = score(truth, guesses)
    assert figures.accuracy == pytest.approx(accuracy_score(truth, guesses))
    assert figures.macro_f1 == pytest.approx(f1_score(truth, guesses, average="macro"))
    assert figures.macro_precision == pytest.approx(precision_score(truth, guesses, average="macro", zero_division=0))


def test_figures_per_class_agree_with_scikit_learn() -> None:
    truth, guesses = random_pair(7)
    expected = precision_recall_fscore_support(truth, guesses, labels=NAMES)
    figures = score(truth, guesses)
    for place, name in enumerate(NAMES):
        item = figures.per_class[name]
        assert (item.precision, item.recall, item.f1, item.support) == pytest.approx([row[place] for row in expected])


@pytest.mark.parametrize("seed", range(3))
def test_macro_averages_leave_out_a_class_without_messages(seed: int) -> None:
    truth, guesses = random_pair(seed)
    guesses[::10] = ["z"] * len(guesses[::10])
    figures = score(truth, guesses)
    assert figures.macro_f1 == pytest.approx(f1_score(truth, guesses, average="macro", labels=NAMES))
    assert figures.macro_precision == pytest.approx(
        precision_score(truth, guesses, average="macro", labels=NAMES, zero_division=0)
    )
    assert figures.per_class["z"].support == 0


def test_intervals_leave_out_a_class_without_messages() -> None:
    truth, guesses = random_pair(2)
    guesses[:10] = ["z"] * 10
    several = [*guesses[:5], *(f"z{number}" for number in range(5)), *guesses[10:]]
    one, other = score(truth, guesses), score(truth, several)
    for name in METRICS:
        assert one.intervals[name] == pytest.approx(other.intervals[name])


def test_a_difference_leaves_out_a_class_without_messages() -> None:
    truth = ["a", "b"] * 50
    one, other = truth, ["z", *truth[1:]]
    found = differences(truth, [one], [other])
    assert found["macro_f1"].value == pytest.approx(1 - f1_score(truth, other, average="macro", labels=["a", "b"]))
    assert found["macro_precision"].value == pytest.approx(0)
    assert found["macro_f1"].high < 0.05


def test_figures_stay_if_every_class_has_messages() -> None:
    figures = score(*random_pair(4))
    # As they were when classes without messages counted too.
    assert figures.macro_f1 == pytest.approx(0.6895918448234798, abs=1e-12)
    assert figures.intervals["macro_f1"] == pytest.approx((0.6234849219635556, 0.7623833268690448), abs=1e-12)


def test_class_that_is_never_predicted_has_precision_zero() -> None:
    assert score(["a", "b"], ["a", "a"]).per_class["b"].precision == 0


def test_intervals_hold_the_figure() -> None:
    figures = score(*random_pair(1))
    for name in METRICS:
        low, high = figures.intervals[name]
        assert 0 <= low <= getattr(figures, name) <= high <= 1


def test_more_messages_give_a_narrower_interval() -> None:
    few = score(*random_pair(1, 100)).intervals["accuracy"]
    many = score(*random_pair(1, 2_000)).intervals["accuracy"]
    assert many[1] - many[0] < (few[1] - few[0]) / 2


def test_accuracy_interval_covers_the_truth_as_often_as_it_says() -> None:
    true_accuracy = 0.7 + 0.3 / len(NAMES)
    hits = 0
    for seed in range(100):
        low, high = score(*random_pair(seed, 150)).intervals["accuracy"]
        hits += low <= true_accuracy <= high
    assert hits >= 88


def test_macro_f1_interval_covers_the_truth_with_small_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.evaluation.metrics._RESAMPLES", 200)
    share = 1 / np.arange(1, 26)
    rng = np.random.default_rng(0)
    truth = rng.choice(25, 100_000, p=share / share.sum())
    guesses = np.where(rng.random(len(truth)) < 0.7, truth, rng.choice(25, len(truth), p=share / share.sum()))
    true_f1 = f1_score(truth, guesses, average="macro")
    hits = 0
    for seed in range(100):
        drawn = np.random.default_rng(seed).integers(0, len(truth), 600)
        low, high = score(truth[drawn].astype(str).tolist(), guesses[drawn].astype(str).tolist()).intervals["macro_f1"]
        hits += low <= true_f1 <= high
    assert hits >= 91


def test_same_seed_same_intervals() -> None:
    truth, guesses = random_pair(3)
    assert score(truth, guesses, seed=1).intervals == score(truth, guesses, seed=1).intervals


def test_perfect_predictions() -> None:
    figures = score(["a", "b"], ["a", "b"])
    assert (figures.accuracy, figures.macro_f1, figures.macro_precision) == (1, 1, 1)
    low, high = figures.intervals["accuracy"]
    assert low < 0.5
    assert high == 1


def test_a_class_that_a_resample_lacks_does_not_move_the_macro_average() -> None:
    figures = score(["a"] * 200 + ["b"], ["a"] * 201)
    low, high = figures.intervals["macro_f1"]
    assert figures.macro_f1 == pytest.approx(0.4988, abs=0.001)
    assert 0.49 < low <= high < 0.51


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(ValueError, match="no messages"):
        score([], [])


TRUTH = ["a", "b", "c", "a"] * 50
GOOD = ["a", "b", "c", "b"] * 50
BAD = ["a", "b", "b", "b"] * 50


def test_repeats_are_averaged_and_do_not_pass_for_more_messages() -> None:
    one, other, both = score(TRUTH, GOOD), score(TRUTH, BAD), score_repeated(TRUTH, [GOOD, BAD])
    for name in ("accuracy", "macro_f1", "macro_precision"):
        assert getattr(both, name) == pytest.approx((getattr(one, name) + getattr(other, name)) / 2)
    assert both.n_messages == len(TRUTH)
    same = score_repeated(TRUTH, [GOOD, GOOD, GOOD])
    for name, interval in same.intervals.items():
        assert interval == pytest.approx(one.intervals[name])
    assert same.per_class == one.per_class


def test_a_difference_has_the_sign_of_the_better_one() -> None:
    found = differences(TRUTH, [GOOD], [BAD])
    assert found["accuracy"].value == pytest.approx(0.25)
    assert 0 < found["accuracy"].low < 0.25 < found["accuracy"].high
    back = differences(TRUTH, [BAD], [GOOD])
    assert back["macro_f1"].value == pytest.approx(-found["macro_f1"].value)


def test_nothing_differs_from_itself() -> None:
    for found in differences(TRUTH, [GOOD], [GOOD, GOOD]).values():
        assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0))


def test_what_is_hard_for_both_does_not_blur_a_difference() -> None:
    random = np.random.default_rng(0)
    truth = ["a", "b"] * 200
    one = [label if right else "c" for label, right in zip(truth, random.random(400) < 0.6, strict=True)]
    other = ["c" if place < 10 else label for place, label in enumerate(one)]
    found = differences(truth, [one], [other])["accuracy"]
    apart = score(truth, one).intervals["accuracy"]
    assert found.high - found.low < (apart[1] - apart[0]) / 3
