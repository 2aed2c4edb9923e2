from dataclasses import replace

import pytest

from firstline.labelling.left_out import left_out
from firstline.store.messages import LEAST_NONE
from firstline.types import Message
from tests.examples import examples, with_outsiders


def test_nothing_is_said_where_all_labels_are_of_classes() -> None:
    assert left_out(examples()) == []


def test_messages_of_none_of_the_classes_are_learned() -> None:
    assert left_out(with_outsiders()) == ["8 labelled messages are of none of the classes, and learned as such"]


@pytest.mark.parametrize("n_none", [1, LEAST_NONE - 1])
def test_a_few_of_them_are_left_out(n_none: int) -> None:
    (note,) = left_out(replace(examples(), none=[Message(str(number)) for number in range(n_none)]))
    assert note.startswith(f"{n_none} labelled message")
    assert note.endswith("left out: fewer than 5 teach nothing")
