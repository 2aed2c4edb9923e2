"""The house stays small: `python -m tests.house_figures` prints where it stands."""

from tests.house_figures import SOURCE, functions, lines_of

_MOST_LINES = 7_250
_MOST_OF_TRAIN = 250
_MOST_OF_A_FUNCTION = 60


def test_training_has_no_more_lines_than_agreed() -> None:
    assert lines_of("training") <= _MOST_LINES


def test_the_story_of_a_training_fits_on_one_page() -> None:
    assert len((SOURCE / "training" / "train.py").read_text("utf-8").splitlines()) <= _MOST_OF_TRAIN


def test_no_function_is_too_long() -> None:
    found = functions()
    assert found
    assert [one for one in found if one[0] > _MOST_OF_A_FUNCTION] == []
