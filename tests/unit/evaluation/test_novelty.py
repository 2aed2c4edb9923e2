import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.novelty import LEAST_OF_A_CENTRE, MOST_CENTRES
from firstline.bundle.outsiders import with_none
from firstline.evaluation.novelty import FittedNovelty, fit_novelty, group_means, reference_of
from firstline.evaluation.out_of_fold import OutOfFold

N_LABELS = 4


def answers(n: int = 200, seed: int = 0, sharpness: float = 3.0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Probabilities, (n, 4), most of them right, and the truth."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, N_LABELS, n)
    scores = random.normal(size=(n, N_LABELS)) + sharpness * np.eye(N_LABELS)[truth]
    found = np.exp(scores)
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float32), truth


def fitted_on(
    repeats: NDArray[np.float32],
    truth: NDArray[np.int64],
    none: NDArray[np.float32] | None = None,
    outsiders: NDArray[np.float32] | None = None,
) -> FittedNovelty:
    """Fitted on `repeats`, (n_repeats, n, 4), with every fifth message in a fold."""
    answers = OutOfFold(repeats, np.ones(repeats.shape[:2], np.bool_), 0.0, none, outsiders)
    return fit_novelty(answers, truth, np.arange(len(truth)) % 5)


def fitted(n: int = 200) -> FittedNovelty:
    probabilities, truth = answers(n)
    return fitted_on(probabilities[None], truth)


def strange(n: int = 100, seed: int = 1) -> NDArray[np.float32]:
    """Answers to messages of no class: no class stands out."""
    return answers(n, seed, sharpness=0.0)[0]


def test_strange_messages_are_less_familiar() -> None:
    found = fitted()
    assert np.median(found.detector(strange())) > np.median(found.held_out) + 0.2


def test_some_of_many_answers_tell_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    every = fitted(4_000)
    monkeypatch.setattr("firstline.evaluation.novelty._MOST_ANSWERS", 1_000)
    some = fitted(4_000)
    assert some.held_out.shape == every.held_out.shape
    assert np.corrcoef(some.held_out[0], every.held_out[0])[0, 1] > 0.9
    assert (some.held_out > 0.5).mean() == pytest.approx(0.025, abs=0.003)


def test_distances_to_many_centres_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = fitted().detector
    whole = detector(strange())
    monkeypatch.setattr("firstline.bundle.novelty._DISTANCES_AT_A_TIME", 500)
    np.testing.assert_allclose(detector(strange()), whole, atol=1e-6)


def test_many_classes_have_fewer_centres_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.evaluation.novelty.MOST_CENTRES_IN_ALL", 5 * N_LABELS)
    assert 3 * N_LABELS < len(reference_of(*answers(1_000)).centres) <= 5 * N_LABELS


def test_few_of_the_messages_of_the_classes_pass_the_limit() -> None:
    assert (fitted().held_out > 0.5).mean() == pytest.approx(0.025, abs=0.003)


def test_a_message_is_judged_by_other_folds() -> None:
    probabilities, truth = answers()
    changed = probabilities.copy()
    changed[::5] = strange(40)
    before, after = (fitted_on(found[None], truth) for found in (probabilities, changed))
    # The references of the first fold are the same, so only its own answers move.
    assert np.median(after.held_out[0, ::5]) > np.median(before.held_out[0, ::5])


def test_repeats_are_judged_apart() -> None:
    probabilities, truth = answers()
    found = fitted_on(np.stack([probabilities, strange(200)]), truth)
    assert found.held_out.shape == (2, len(truth))
    assert np.median(found.held_out[1]) > np.median(found.held_out[0])


def test_centres_come_from_the_first_repeat_alone() -> None:
    probabilities, truth = answers()
    several = fitted_on(np.stack([probabilities, strange(200)]), truth)
    assert (several.detector.reference.centres == fitted().detector.reference.centres).all()


def test_learned_outsiders_weigh_the_probability_of_none() -> None:
    probabilities, truth = answers()
    random = np.random.default_rng(2)
    none = random.uniform(0.0, 0.3, (1, 200)).astype(np.float32)
    outsiders = with_none(answers(80, seed=3)[0][None], random.uniform(0.5, 1.0, (1, 80)).astype(np.float32))
    found = fitted_on(probabilities[None], truth, none, outsiders)
    # Their classes look as usual: only the probability of none tells them.
    assert found.detector.weighed[3].weight > 10 * max(one.weight for one in found.detector.weighed[:3])
    assert found.outsiders.shape == (1, 80)
    assert found.outsiders.min() > 0.5


def test_no_weight_is_negative() -> None:
    probabilities, truth = answers()
    none, high = np.full((1, 200), 0.1, np.float32), np.full((1, 80), 0.9, np.float32)
    surer = with_none(answers(80, seed=4, sharpness=12.0)[0][None], high)
    assert min(one.weight for one in fitted_on(probabilities[None], truth, none, surer).detector.weighed) >= 0


@pytest.mark.parametrize("n", [2, 3])
def test_few_messages_are_enough_to_be_fitted(n: int) -> None:
    assert np.isfinite(fitted(n).held_out).all()


def test_the_same_answers_for_all_can_be_fitted() -> None:
    same = np.full((1, 20, N_LABELS), 0.25, np.float32)
    assert np.isfinite(fitted_on(same, np.arange(20) % N_LABELS).detector(same[0])).all()


def test_every_row_is_in_one_group_of_at_least_three() -> None:
    rows = np.random.default_rng(0).normal(size=(17, 2))
    means = group_means(rows)
    assert len(means) == 17 // LEAST_OF_A_CENTRE
    # Each row counts once: means of 3, 3, 3, 3 and 5 rows sum to all rows.
    sizes = np.array([3, 3, 3, 3, 5])
    assert (np.stack(means) * sizes[:, None]).sum(axis=0) == pytest.approx(rows.sum(axis=0))


def test_a_class_of_two_messages_has_no_centre() -> None:
    assert group_means(np.zeros((2, 3))) == []


def test_a_large_class_has_few_centres() -> None:
    assert len(group_means(np.random.default_rng(0).normal(size=(1_000, 3)))) == MOST_CENTRES


def test_the_whitened_answers_of_a_class_spread_alike_in_all_directions() -> None:
    probabilities, truth = answers(4_000)
    logs = np.log(probabilities)
    whitened = (logs - logs.mean(axis=1, keepdims=True)) @ reference_of(probabilities, truth).whitening
    rest = np.concatenate(
        [whitened[truth == place] - whitened[truth == place].mean(axis=0) for place in range(N_LABELS)]
    )
    spread = np.linalg.eigvalsh(np.cov(rest.T))
    # One direction is lost, since log odds sum to 0; the others are shrunk alike.
    assert spread[1:].max() / spread[1:].min() < 1.5
