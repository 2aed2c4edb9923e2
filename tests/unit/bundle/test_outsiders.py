import numpy as np

from firstline.bundle.outsiders import is_none_likeliest, with_none, without_none


def test_what_is_left_for_the_classes_sums_to_one() -> None:
    team, none = without_none(np.array([[0.3, 0.1, 0.6]], np.float32))
    np.testing.assert_allclose(team, [[0.75, 0.25]])
    np.testing.assert_allclose(none, [0.6])
    assert {team.dtype, none.dtype} == {np.dtype(np.float32)}


def test_nothing_left_for_the_classes_is_even() -> None:
    team, none = without_none(np.array([[0, 0, 1], [1e-30, 0, 1]], np.float32))
    np.testing.assert_array_equal(team, np.full((2, 2), 0.5))
    np.testing.assert_array_equal(none, [1, 1])


def test_both_together_are_what_was_split() -> None:
    whole = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 5)).astype(np.float32)
    np.testing.assert_allclose(with_none(*without_none(whole)), whole, atol=1e-6)


def test_no_messages_are_no_rows() -> None:
    team, none = without_none(np.empty((0, 3), np.float32))
    assert (team.shape, none.shape) == ((0, 2), (0,))


def test_none_is_likeliest_where_no_class_has_more() -> None:
    team = np.array([[0.6, 0.4], [0.6, 0.4], [0.5, 0.5]], np.float32)
    assert is_none_likeliest(team, np.array([0.3, 0.4, 1], np.float32)).tolist() == [False, True, True]
