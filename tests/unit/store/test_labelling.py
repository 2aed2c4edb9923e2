"""The queue gives each message to one person, and keeps what they say of it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select

from firstline.errors import LeaseLost
from firstline.store.database import writing_rows
from firstline.store.labelling import (
    ClassInUse,
    Suggested,
    classes_in_use,
    count_given_since,
    count_waiting,
    examples_of,
    fill_at_random,
    give_label,
    last_given,
    lease_next,
    remark,
    take_back,
    write_queue,
)
from firstline.store.messages import StoredMessage, now
from firstline.store.random_answers import unanswered
from firstline.store.schema import classes, in_force, labels, leases, suggestions
from firstline.types import Message
from tests.unit.store.filling import labelled, take_in

TEXTS = ("раз", "два", "три", "четыре")


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Four messages in the queue, in their order, the second drawn at random; and two classes."""
    take_in(engine, StoredMessage("ноль", label="карта"), StoredMessage("нуль", label="вход"))
    take_in(engine, *(StoredMessage(text, "lead") for text in TEXTS))
    with writing_rows(engine) as connection:
        rows = [
            Suggested(place + 3, place, "unsure" if place else "typical", [(1, 0.7), (2, 0.2)], 5, place == 1)
            for place in range(len(TEXTS))
        ]
        write_queue(connection, rows)
    return engine


def class_id(engine: Engine, name: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(classes.c.id).where(classes.c.name == name)).scalar_one())


def test_each_message_is_seen_by_one_person(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        first = lease_next(connection, "anna", 2)
        assert [one.message for one in first] == [Message("раз", "lead"), Message("два", "lead")]
        assert (first[0].suggested.reason, first[1].suggested.is_random) == ("typical", True)
        assert first[0].suggested.guesses == [(1, 0.7), (2, 0.2)]
        assert [one.message.text for one in lease_next(connection, "boris", 3)] == ["три", "четыре"]
        assert [one.message.text for one in lease_next(connection, "anna", 3)] == ["раз", "два"]
        assert count_waiting(connection) == {"unsure": 3, "typical": 1}
        connection.execute(leases.update().values(until=now() - timedelta(seconds=1)))
        assert [one.message.text for one in lease_next(connection, "boris", 4)] == ["три", "четыре", "раз", "два"]
        assert lease_next(connection, "anna", 4) == []


def test_an_empty_queue_is_filled_at_random(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        write_queue(connection, [Suggested(3, 7, "typical")])
        assert fill_at_random(connection, 2) == 2
        assert fill_at_random(connection, 9) == 1
        assert fill_at_random(connection, 9) == 0
        found = lease_next(connection, "anna", 9)
        assert [one.suggested.rank for one in found] == [7, 8, 9, 10]
        assert [one.suggested.is_random for one in found] == [False, True, True, True]
        # Those with a label do not wait.
        assert {one.message.text for one in found} == set(TEXTS)


def test_a_lease_is_lengthened_once_a_minute(filled: Engine) -> None:
    def until(connection: Connection) -> datetime:
        found: datetime = connection.execute(select(leases.c.until)).scalar_one()
        return found

    with writing_rows(filled) as connection:
        lease_next(connection, "anna", 1)
        began = until(connection)
        lease_next(connection, "anna", 1)
        assert until(connection) == began
        connection.execute(leases.update().values(until=now() + timedelta(seconds=30)))
        assert len(lease_next(connection, "anna", 1)) == 1
        assert until(connection) >= began


def test_what_was_drawn_and_labelled_leaves_the_queue_after_a_while(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        write_queue(connection, [])
        assert fill_at_random(connection, 3) == 3
        first, second, _ = (one.suggested.message_id for one in lease_next(connection, "anna", 3))
        old = give_label(connection, "anna", first, class_id(filled, "карта"))
        give_label(connection, "anna", second, class_id(filled, "карта"))
        connection.execute(labels.update().where(labels.c.id == old.id).values(at=now() - timedelta(minutes=5)))
        fill_at_random(connection, 0)
        waiting = set(connection.execute(select(suggestions.c.message_id)).scalars())
    assert first not in waiting
    assert second in waiting


def test_draws_begin_at_different_places(filled: Engine) -> None:
    take_in(filled, *(StoredMessage(f"ещё {number}") for number in range(200)))
    drawn = []
    for _ in range(5):
        with writing_rows(filled) as connection:
            write_queue(connection, [])
            fill_at_random(connection, 3)
            drawn.append(frozenset(connection.execute(select(suggestions.c.message_id)).scalars()))
    assert {len(one) for one in drawn} == {3}
    assert len(set(drawn)) > 1


def test_a_label_is_given_once_and_by_whoever_has_the_message(filled: Engine) -> None:
    card = class_id(filled, "карта")
    with writing_rows(filled) as connection:
        (one,) = lease_next(connection, "anna", 1)
        with pytest.raises(LeaseLost, match="Someone else has this message"):
            give_label(connection, "boris", one.suggested.message_id, card)
        given = give_label(connection, "anna", one.suggested.message_id, card)
        # The answer was lost on its way, so it is sent again.
        assert give_label(connection, "anna", one.suggested.message_id, card) == given
        with pytest.raises(LeaseLost):
            give_label(connection, "anna", one.suggested.message_id, class_id(filled, "вход"))
        assert [waiting.message.text for waiting in lease_next(connection, "anna", 9)] == ["два", "три", "четыре"]
        assert count_given_since(connection, "anna", now() - timedelta(hours=1)) == 1
        assert last_given(connection, "anna", 5) == [given]
        assert last_given(connection, "boris", 5) == []
    assert ("раз", "карта") in labelled(filled)


def test_a_random_message_gives_a_random_label(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        for one in lease_next(connection, "anna", 2):
            give_label(connection, "anna", one.suggested.message_id, class_id(filled, "вход"))
        assert [one.message.text for one in unanswered(connection)] == ["два"]


def test_a_label_is_taken_back_by_whoever_gave_it(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        (one,) = lease_next(connection, "anna", 1)
        given = give_label(connection, "anna", one.suggested.message_id, class_id(filled, "карта"))
        with pytest.raises(LeaseLost, match="not yours"):
            take_back(connection, "boris", given.id)
        take_back(connection, "anna", given.id)
        with pytest.raises(LeaseLost):
            take_back(connection, "anna", given.id)
        assert [again.message.text for again in lease_next(connection, "anna", 1)] == ["раз"]
        assert connection.execute(select(func.count()).where(labels.c.by == "anna")).scalar_one() == 1
        assert connection.execute(select(func.count()).where(labels.c.by == "anna", in_force)).scalar_one() == 0
    assert ("раз", "карта") not in labelled(filled)


def test_skipped_messages_go_to_others_and_unsure_ones_to_a_lead(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        first, second = lease_next(connection, "anna", 2)
        remark(connection, "anna", first.suggested.message_id, "note", "о чём это?")
        remark(connection, "anna", first.suggested.message_id, "skip")
        remark(connection, "anna", second.suggested.message_id, "unsure")
        assert [one.message.text for one in lease_next(connection, "anna", 9)] == ["три", "четыре"]
        assert [one.message.text for one in lease_next(connection, "boris", 9)] == ["раз"]
        with pytest.raises(LeaseLost):
            remark(connection, "anna", first.suggested.message_id, "skip")


def test_a_retired_class_cannot_be_given(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        connection.execute(classes.update().where(classes.c.name == "карта").values(retired_at=now()))
        (one,) = lease_next(connection, "anna", 1)
        with pytest.raises(LeaseLost, match="not in use"):
            give_label(connection, "anna", one.suggested.message_id, class_id(filled, "карта"))


def test_a_label_that_an_import_gave_meanwhile_is_no_error(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        (one,) = lease_next(connection, "anna", 1)
    take_in(filled, StoredMessage("раз", "lead", label="карта"))
    with writing_rows(filled) as connection:
        given = give_label(connection, "anna", one.suggested.message_id, class_id(filled, "карта"))
        assert given.message_id == one.suggested.message_id
    assert labelled(filled).count(("раз", "карта")) == 1


def test_classes_in_use_are_listed_with_examples(filled: Engine) -> None:
    card, entry = class_id(filled, "карта"), class_id(filled, "вход")
    take_in(filled, StoredMessage("пять", label="карта"))
    with writing_rows(filled) as connection:
        connection.execute(classes.update().where(classes.c.id == card).values(description="о картах"))
        assert classes_in_use(connection) == [ClassInUse(entry, "вход", ""), ClassInUse(card, "карта", "о картах")]
        assert examples_of(connection, card, 5) == ["пять", "ноль"]
        connection.execute(classes.update().where(classes.c.id == card).values(retired_at=now()))
        assert [one.name for one in classes_in_use(connection)] == ["вход"]


def test_a_new_queue_leaves_what_somebody_sees(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        lease_next(connection, "anna", 2)
        write_queue(connection, [Suggested(6, 0, "unstable"), Suggested(4, 1, "unstable")])
        found = {one.suggested.message_id: one.suggested for one in lease_next(connection, "anna", 9)}
        assert set(found) == {3, 4, 6}
        assert found[4].is_random
        assert [one.message.text for one in lease_next(connection, "boris", 9)] == []


def test_two_workers_that_queue_the_same_messages_do_not_wait_for_each_other(engine: Engine) -> None:
    take_in(engine, *(StoredMessage(str(number)) for number in range(1_000)))
    rows = [Suggested(number + 1, number, "typical") for number in range(1_000)]

    def write(rows: Sequence[Suggested]) -> None:
        with writing_rows(engine) as connection:
            write_queue(connection, rows)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, [rows, rows[::-1]] * 3))
    with engine.connect() as connection:
        assert count_waiting(connection) == {"typical": 1_000}
