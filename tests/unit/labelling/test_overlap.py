"""A new class whose messages mostly go to one old class overlaps it."""

from firstline.labelling.overlap import Overlap, overlap


def test_half_of_at_least_five_messages_overlap() -> None:
    assert overlap("new", ["old", "old", "old", "new", "other", ""]) == Overlap("new", "old", 3, 6)
    assert overlap("new", ["old", "old", "", "new", "other", "other"]) is None


def test_a_few_examples_or_right_answers_say_nothing() -> None:
    assert overlap("new", ["old"] * 4) is None
    assert overlap("new", ["new"] * 9) is None
    assert overlap("new", [""] * 9) is None
