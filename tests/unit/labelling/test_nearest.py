"""Neighbours in a plane: a message's vector is an angle in degrees, which is its text."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.labelling.nearest import Neighbour, Neighbours
from firstline.store.labelled import LabelledMessage
from firstline.store.messages import StoredMessage
from firstline.types import Message


class Plane:
    def __init__(self) -> None:
        self.n_asked = 0

    def __call__(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        self.n_asked += len(messages)
        angles = np.radians([float(message.text) for message in messages])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def labelled(*texts: str) -> list[LabelledMessage]:
    return [LabelledMessage(StoredMessage(text).key, f"id {text}", Message(text), f"class {text}") for text in texts]


def ids(neighbours: Neighbours, *texts: str) -> list[list[str | None]]:
    found = neighbours.nearest([Message(text) for text in texts])
    return [[one.external_id for one in near] for near in found]


def test_the_three_most_alike_come_first() -> None:
    assert ids(Neighbours(Plane(), labelled("0", "50", "80", "20", "10")), "8") == [["id 10", "id 0", "id 20"]]


def test_similarity_is_the_cosine() -> None:
    found = next(Neighbours(Plane(), labelled("60")).nearest([Message("0")]))
    assert found == [Neighbour("id 60", "class 60", 0.5)]


def test_a_labelled_message_is_not_its_own_neighbour() -> None:
    assert ids(Neighbours(Plane(), labelled("0", "10", "20", "30")), "10") == [["id 0", "id 20", "id 30"]]


def test_the_same_text_of_another_segment_is_a_neighbour() -> None:
    found = next(Neighbours(Plane(), labelled("10")).nearest([Message("10", "lead")]))
    assert [one.similarity for one in found] == [1.0]


def test_ties_keep_the_order_of_the_labelled() -> None:
    known = labelled("40.0", "10", "40.00", "40", "39.999")
    assert ids(Neighbours(Plane(), known), "40.000") == [["id 40.0", "id 40.00", "id 40"]]


@pytest.mark.parametrize("n_known", [0, 1, 2])
def test_there_may_be_fewer_than_three(n_known: int) -> None:
    assert [len(near) for near in ids(Neighbours(Plane(), labelled("1", "2")[:n_known]), "5", "6")] == [n_known] * 2


def test_the_only_labelled_message_has_no_neighbour() -> None:
    assert ids(Neighbours(Plane(), labelled("1")), "1") == [[]]


def test_vectors_of_labelled_messages_are_computed_once() -> None:
    plane = Plane()
    neighbours = Neighbours(plane, labelled(*(str(n) for n in range(150))))
    for _ in range(3):
        assert len(ids(neighbours, *(f"{n}.5" for n in range(100)))) == 100
    assert plane.n_asked == 150 + 3 * 100
