"""A card shows the likeliest classes, but nothing that would sway the label of a random message."""

from collections.abc import Sequence

import pytest

from firstline.console.cards import Option, card, pieces
from firstline.store.labelling import ClassInUse, Suggested, Waiting
from firstline.types import Message

CLASSES = [ClassInUse(place, f"class {chr(110 - place)}", "") for place in range(1, 13)]


def waiting(guesses: Sequence[tuple[int, float]] = (), reason: str = "typical", is_random: bool = False) -> Waiting:
    return Waiting(Suggested(7, 0, reason, guesses, None, is_random), Message("текст <PHONE>", "lead"), None)


def test_guesses_come_first_and_other_classes_fill_the_keys() -> None:
    found = card(waiting([(12, 0.614), (99, 0.2), (3, 0.1)]), CLASSES)
    assert found.options[:2] == [Option(12, CLASSES[11].name, 61), Option(3, CLASSES[2].name, 10)]
    assert [one.id for one in found.options[2:]] == [1, 2, 4, 5, 6, 7, 8]
    assert all(one.percent is None for one in found.options[2:])
    assert (found.message_id, found.segment, found.between) == (7, "lead", None)
    assert found.has_guesses


def test_without_guesses_the_first_classes_are_on_the_keys() -> None:
    found = card(waiting(), CLASSES)
    assert ([one.id for one in found.options], found.has_guesses) == (list(range(1, 10)), False)
    assert [one.id for one in card(waiting(), CLASSES[:2]).options] == [1, 2]


@pytest.mark.parametrize("reason", ["random", "twice", "suspect"])
def test_a_random_message_and_a_second_look_show_no_opinion(reason: str) -> None:
    found = card(waiting([(12, 0.9), (3, 0.1)], reason, is_random=reason == "random"), CLASSES)
    assert (found.is_second, found.key) == ((False, "7") if reason == "random" else (True, "7-second"))
    assert all(one.percent is None for one in found.options)
    assert [one.name for one in found.options] == sorted(one.name for one in found.options)
    assert {12, 3} <= {one.id for one in found.options}


def test_a_close_call_names_the_two_classes() -> None:
    assert card(waiting([(2, 0.4), (5, 0.39)], "close_call"), CLASSES).between == (CLASSES[1].name, CLASSES[4].name)
    assert card(waiting([(2, 0.4)], "close_call"), CLASSES).between is None


def test_masks_are_told_from_text() -> None:
    assert pieces("звонил с <PHONE>, 5 < 7") == [("звонил с ", False), ("<PHONE>", True), (", 5 < 7", False)]
    assert pieces("<ПОЛИС>") == [("<ПОЛИС>", True)]
    assert pieces("a <b> c") == [("a <b> c", False)]
    assert not any(is_mask for _, is_mask in pieces("<script>alert(1)</script>"))
