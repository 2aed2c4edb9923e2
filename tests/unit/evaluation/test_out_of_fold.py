import numpy as np
import pytest

from firstline.evaluation.out_of_fold import OutOfFold, are_answers

LEARNED = np.ones((2, 3), np.bool_)


def whole(n_columns: int = 3, n_messages: int = 5) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(n_columns), size=(2, n_messages)).astype(np.float32)


def test_answers_are_split_and_joined() -> None:
    found = OutOfFold.of_wide(whole(), LEARNED, 1.0, taught=True)
    assert found.none is not None
    assert found.outsiders is not None
    assert (found.probabilities.shape, found.none.shape, found.outsiders.shape) == ((2, 3, 2), (2, 3), (2, 2, 3))
    np.testing.assert_allclose(found.probabilities.sum(axis=-1), 1, atol=1e-6)
    np.testing.assert_array_equal(found.none, whole()[:, :3, -1])
    np.testing.assert_allclose(found.wide, whole(), atol=1e-6)


def test_without_outsiders_nothing_changes() -> None:
    found = OutOfFold.of_wide(whole(n_messages=3), LEARNED, 1.0, taught=False)
    assert (found.none, found.outsiders) == (None, None)
    assert found.probabilities is found.wide


def test_labels_are_those_of_the_classes() -> None:
    certain = np.zeros((1, 1, 3), np.float32)
    certain[0, 0] = 0.1, 0.05, 0.85
    assert OutOfFold.of_wide(certain, LEARNED[:1, :1], 1.0, taught=True).labels(["a", "b"]) == [["a"]]


TEAM = np.full((2, 2), 0.5, np.float32)
NONE = np.array([0.0, 1.0], np.float32)
OUTSIDE = np.full((1, 3), 1 / 3, np.float32)


@pytest.mark.parametrize(
    ("answers", "n_outsiders", "is_sound"),
    [
        ((TEAM, None, None), None, True),
        ((TEAM, NONE, OUTSIDE), 1, True),
        ((TEAM, NONE, OUTSIDE[:0]), 0, True),
        ((TEAM, None, None), 1, False),
        ((TEAM, NONE, None), 1, False),
        ((TEAM, NONE, OUTSIDE), None, False),
        ((TEAM, NONE, OUTSIDE), 2, False),
        ((TEAM, NONE[:1], OUTSIDE), 1, False),
        ((TEAM, NONE * np.float32(np.nan), OUTSIDE), 1, False),
        ((TEAM, NONE - 1, OUTSIDE), 1, False),
        ((TEAM, NONE, OUTSIDE[:, :2]), 1, False),
        ((TEAM * np.float32(np.nan), NONE, OUTSIDE), 1, False),
        ((TEAM.astype(np.float64), None, None), None, False),
    ],
)
def test_answers_that_were_read_are_checked(
    answers: tuple[np.ndarray, np.ndarray | None, np.ndarray | None], n_outsiders: int | None, is_sound: bool
) -> None:
    assert are_answers(*answers, (2, 2), n_outsiders) is is_sound
