"""Answers to messages that were drawn at random are kept once, by champion, as long as their labels hold."""

import pytest
from sqlalchemy import Engine

from firstline.store.class_changes import retire_class
from firstline.store.database import writing
from firstline.store.messages import StoredMessage
from firstline.store.random_answers import Measured, RandomAnswer, add_answers, measured, unanswered
from firstline.store.undo import undo_last_import
from firstline.types import Message
from tests.unit.store.filling import take_in


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Two random labels and one that somebody chose."""
    take_in(engine, StoredMessage("ноль", label="карта"))
    take_in(engine, StoredMessage("раз", "lead", label="карта"), StoredMessage("два", label="вход"), is_random=True)
    return engine


def test_only_random_labels_are_asked_and_only_once(filled: Engine) -> None:
    with writing(filled) as connection:
        first, second = unanswered(connection)
        assert (first.message, first.label, second.label) == (Message("раз", "lead"), "карта", "вход")
        assert first.at is not None
        add_answers(connection, "a", [RandomAnswer(first.id, True, "route")])
        assert unanswered(connection) == [second]
        add_answers(
            connection, "b", [RandomAnswer(first.id, False, "review"), RandomAnswer(second.id, False, "unknown")]
        )
        assert unanswered(connection) == []
        assert measured(connection) == [Measured("a", 1, 1.0, 1.0, 0.0), Measured("b", 1, 0.0, 0.0, 1.0)]


def test_shares_are_those_of_all_messages_of_a_champion(filled: Engine) -> None:
    with writing(filled) as connection:
        answers = [RandomAnswer(one.id, place == 0, "route") for place, one in enumerate(unanswered(connection))]
        add_answers(connection, "a", answers)
        assert measured(connection) == [Measured("a", 2, 0.5, 1.0, 0.0)]


def test_labels_that_do_not_hold_do_not_count(filled: Engine) -> None:
    take_in(filled, StoredMessage("два", label="карта"))
    with writing(filled) as connection:
        assert [one.label for one in unanswered(connection)] == ["карта"]
        retire_class(connection, "карта")
        assert unanswered(connection) == []


def test_an_undone_import_takes_its_answers_away(filled: Engine) -> None:
    with writing(filled) as connection:
        add_answers(connection, "a", [RandomAnswer(one.id, True, "route") for one in unanswered(connection)])
        undo_last_import(connection, str)
        assert measured(connection) == []
