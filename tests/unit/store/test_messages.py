from datetime import datetime

import pytest
from sqlalchemy import Engine

from firstline.store.database import open_database, writing
from firstline.store.messages import (
    LEAST_NONE,
    Disagreement,
    Labelled,
    StoredMessage,
    count_by_class,
    count_by_segment,
    count_disagreements,
    count_labels,
    count_messages,
    disagreements,
    find_message,
    labelled_keys,
    read_for_training,
    read_state,
    read_stored,
    replace_text,
    write_state,
)
from firstline.types import NONE, Message
from tests.postgres import NewDatabase
from tests.unit.store.filling import take_in


def add(engine: Engine, *items: StoredMessage) -> None:
    take_in(engine, *items)


def test_a_key_tells_text_and_segment_apart() -> None:
    keys = {StoredMessage(text, segment).key for text in ("раз", "два") for segment in (None, "vip", "раз")}
    assert len(keys) == 6


def test_a_key_knows_nothing_of_label_id_and_time() -> None:
    assert StoredMessage("раз").key == StoredMessage("раз", None, "7", datetime(2026, 1, 1), "карта").key


def test_nothing_is_a_batch_too(engine: Engine) -> None:
    add(engine)
    with engine.connect() as connection:
        assert count_messages(connection) == 0


def test_one_text_keeps_all_its_ids(engine: Engine) -> None:
    add(engine, StoredMessage("раз", external_id="1"))
    add(engine, StoredMessage("раз", external_id="2"))
    with engine.connect() as connection:
        assert count_messages(connection) == 1
        assert connection.exec_driver_sql("SELECT external_id FROM message_ids").all() == [("1",), ("2",)]


def test_counts(engine: Engine) -> None:
    add(engine, StoredMessage("раз", "vip", label="карта"), StoredMessage("раз", "vip", label="перевод"))
    add(engine, StoredMessage("два", label="карта"), StoredMessage("три"))
    with engine.connect() as connection:
        assert (count_messages(connection), count_labels(connection), count_disagreements(connection)) == (3, 2, 1)
        assert count_by_class(connection) == {"карта": 2, "перевод": 1}
        assert count_by_segment(connection) == {"vip": 1, None: 2}


def test_a_class_without_labels_is_counted_as_none(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO classes (name, kind) VALUES ('карта', 'normal')")
        assert count_by_class(connection) == {"карта": 0}


def test_disagreements_name_all_labels(engine: Engine) -> None:
    add(engine, *(StoredMessage("раз", label=label) for label in ("в", "а", "б")), StoredMessage("два", label="а"))
    with engine.connect() as connection:
        assert disagreements(connection) == [Disagreement(None, "раз", ("а", "б", "в"))]


def test_training_reads_single_labels_and_counts_the_rest(engine: Engine) -> None:
    add(engine, StoredMessage("раз", "vip", label="карта"), StoredMessage("два"))
    add(engine, StoredMessage("три", label="карта"), StoredMessage("три", label="перевод"))
    found = read_for_training(engine)
    assert (found.messages, found.labels) == ([Message("раз", "vip")], ["карта"])
    assert {message.text for message in found.unlabelled} == {"два", "три"}
    assert found.n_disagreements == 1


def test_of_many_unlabelled_messages_training_reads_some(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.store.messages.MOST_UNLABELLED", 30)
    add(engine, *(StoredMessage(str(number)) for number in range(50)), StoredMessage("раз", label="карта"))
    add(engine, StoredMessage("два", label="карта"), StoredMessage("два", label="перевод"))
    found = read_for_training(engine)
    assert (len(found.messages), len(found.unlabelled), found.n_not_read) == (1, 30, 21)
    # More messages leave most of those that were drawn.
    add(engine, *(StoredMessage(str(number)) for number in range(50, 60)))
    later = read_for_training(engine)
    assert (len(later.unlabelled), later.n_not_read) == (30, 31)
    assert len(set(found.unlabelled) & set(later.unlabelled)) > 20


def test_labels_that_mean_none_of_the_classes_stand_apart(engine: Engine) -> None:
    add(engine, StoredMessage("раз", label="карта"), StoredMessage("два", label="прочее"), StoredMessage("три"))
    add(engine, StoredMessage("четыре", label="прочее"), StoredMessage("четыре", label="карта"))
    found = read_for_training(engine, none=["прочее"])
    assert (found.labels, found.none, found.n_disagreements) == (["карта"], [Message("два")], 1)
    assert {message.text for message in found.unlabelled} == {"три", "четыре"}
    assert len(labelled_keys(engine)) == 3


def test_messages_of_none_of_the_classes_are_learned_with_a_label_of_their_own() -> None:
    none = [Message(str(number)) for number in range(LEAST_NONE)]
    found = Labelled([Message("раз")], ["карта"], [], 0, none)
    assert found.taught == none
    assert found.learned == ([Message("раз"), *none], ["карта", *[NONE] * LEAST_NONE])


def test_a_few_messages_of_none_of_the_classes_teach_nothing() -> None:
    found = Labelled([Message("раз")], ["карта"], [], 0, [Message("два")] * (LEAST_NONE - 1))
    assert found.taught == []
    assert found.learned == ([Message("раз")], ["карта"])


def test_the_order_of_imports_is_not_seen_in_training(engine: Engine, new_database: NewDatabase) -> None:
    other = open_database(new_database())
    items = [StoredMessage(str(number), label="карта") for number in range(20)]
    add(engine, *items)
    add(other, *reversed(items))
    assert read_for_training(engine) == read_for_training(other)
    other.dispose()


def test_a_stream_leaves_the_connection_as_it_was(engine: Engine) -> None:
    add(engine, StoredMessage("раз"), StoredMessage("два", "vip"))
    with writing(engine) as connection:
        assert [message.text for _, message in read_stored(connection)] == ["раз", "два"]
        write_state(connection, "masks", "new")
        assert read_state(connection, "masks") == "new"


def test_a_text_that_becomes_another_takes_over_its_labels(engine: Engine) -> None:
    old, new = StoredMessage("раз", label="карта"), StoredMessage("два", label="перевод")
    add(engine, old, new)
    with writing(engine) as connection:
        place = find_message(connection, old.key)
        assert place is not None
        replace_text(connection, place, StoredMessage("два"))
        assert [item.labels for item in disagreements(connection)] == [("карта", "перевод")]
        assert count_messages(connection) == 1
