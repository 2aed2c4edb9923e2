"""A merge is taken back, whatever else happened since, and no label is lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select

from firstline.errors import ClassGone, ClassRefused
from firstline.store.class_changes import add_class, id_of, list_classes, rename_class
from firstline.store.classes import require_in_use
from firstline.store.database import writing, writing_rows
from firstline.store.former_names import names_now
from firstline.store.labelling import fill_at_random, give_label, lease_next, take_back
from firstline.store.merges import (
    Separated,
    last_merge,
    merge_classes,
    merged_into,
    require_not_merged,
    separate_class,
    separation,
)
from firstline.store.messages import StoredMessage
from firstline.store.schema import labels
from tests.unit.store.filling import everything, labelled, take_in


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Three messages of one class, two of another; one of them has both."""
    take_in(engine, *(StoredMessage(text, label="карта") for text in ("раз", "два", "три")))
    take_in(engine, StoredMessage("четыре", label="перевод"), StoredMessage("три", label="перевод"))
    return engine


def merged(engine: Engine, name: str = "карта", into: str = "перевод") -> int:
    with writing(engine) as connection:
        place = id_of(connection, name)
        merge_classes(connection, name, into, "anna")
        return place


def test_a_merge_is_taken_back_as_if_it_had_not_been(filled: Engine) -> None:
    before = everything(filled)
    place = merged(filled)
    with writing(filled) as connection:
        assert [(one.id, one.name) for one in merged_into(connection, id_of(connection, "перевод"))] == [
            (place, "карта")
        ]
        assert last_merge(connection) == (place, "classes merge 'карта' 'перевод'")
        assert separation(connection, place) == Separated("карта", "перевод", 3, 0)
        assert separate_class(connection, place) == Separated("карта", "перевод", 3, 0)
        assert last_merge(connection) is None
        assert merged_into(connection, id_of(connection, "перевод")) == []
    assert everything(filled) == before


def test_what_was_imported_since_stays(filled: Engine) -> None:
    place = merged(filled)
    take_in(filled, StoredMessage("пять", label="карта"), StoredMessage("шесть", label="перевод"))
    with writing(filled) as connection:
        separate_class(connection, place)
        assert names_now(connection) == {}
    assert labelled(filled) == [
        ("два", "карта"),
        ("пять", "перевод"),
        ("раз", "карта"),
        ("три", "карта"),
        ("три", "перевод"),
        ("четыре", "перевод"),
        ("шесть", "перевод"),
    ]


def test_labels_that_were_changed_since_stay_as_they_are(filled: Engine) -> None:
    place = merged(filled)
    take_in(filled, StoredMessage("раз", label="вход"), settles_labels=True)
    with writing(filled) as connection:
        assert separate_class(connection, place) == Separated("карта", "перевод", 2, 1)
    assert ("раз", "вход") in labelled(filled)
    assert [name for text, name in labelled(filled) if text == "раз"] == ["вход"]
    with filled.connect() as connection:
        # The class that was given first is still in the history.
        texts = connection.execute(select(func.count()).where(labels.c.superseded_at.is_not(None))).scalar_one()
    assert texts == 2


def test_a_label_that_its_giver_took_back_does_not_return(engine: Engine) -> None:
    take_in(engine, StoredMessage("раз"), StoredMessage("нуль", label="карта"), StoredMessage("два", label="перевод"))
    with writing_rows(engine) as connection:
        fill_at_random(connection, 1)
        (waiting,) = lease_next(connection, "anton", 1)
        given = give_label(connection, "anton", waiting.suggested.message_id, id_of(connection, "перевод"))
    place = merged(engine)
    with writing_rows(engine) as connection:
        take_back(connection, "anton", given.id)
    with writing(engine) as connection:
        separate_class(connection, place)
    assert labelled(engine) == [("два", "перевод"), ("нуль", "карта")]


def test_merges_are_taken_back_from_the_last_on(filled: Engine) -> None:
    take_in(filled, StoredMessage("семь", label="счета"))
    before = everything(filled)
    first = merged(filled)
    second = merged(filled, "перевод", "счета")
    with writing(filled) as connection:
        with pytest.raises(ClassRefused, match="which is another class now") as error:
            separate_class(connection, first)
        assert error.value.reason == "merged_twice"
        separate_class(connection, second)
        separate_class(connection, first)
    assert everything(filled) == before


def test_a_renamed_class_gives_back_what_was_merged_into_it(filled: Engine) -> None:
    place = merged(filled)
    with writing(filled) as connection:
        rename_class(connection, "перевод", "переводы")
        assert separate_class(connection, place).into == "переводы"
        assert {one.name: one.n_labels for one in list_classes(connection)} == {"карта": 3, "переводы": 2}


def test_what_is_not_merged_cannot_be_separated(filled: Engine) -> None:
    with writing(filled) as connection:
        for place in (id_of(connection, "карта"), 99):
            with pytest.raises(ClassRefused) as error:
                separate_class(connection, place)
            assert error.value.reason == "not_merged"


def test_the_name_of_a_merged_class_is_not_free(filled: Engine) -> None:
    merged(filled)
    with writing(filled) as connection:
        with pytest.raises(ClassRefused, match="'карта' was merged into 'перевод'"):
            require_not_merged(connection, "карта")
        rename_class(connection, "перевод", "переводы")
        require_not_merged(connection, "перевод")


def test_nobody_gives_a_class_that_was_merged(filled: Engine) -> None:
    place = merged(filled)
    with writing_rows(filled) as connection:
        require_in_use(connection, id_of(connection, "перевод"))
        for gone in (place, 99):
            with pytest.raises(ClassGone):
                require_in_use(connection, gone)


def test_names_that_differ_only_in_capitals_or_spaces_are_one(filled: Engine) -> None:
    with writing(filled) as connection:
        for name in ("Карта", "КАРТА", "ка рта"):
            with pytest.raises(ClassRefused) as error:
                add_class(connection, name)
            assert (error.value.reason, error.value.names) == ("alike", {"name": name, "other": "карта"})
        assert rename_class(connection, "карта", "Карта") == "Карта"
        with pytest.raises(ClassRefused, match="at most 100 characters"):
            add_class(connection, "я" * 101)
        assert add_class(connection, "я" * 100, "о чём\nэто") == "я" * 100
        assert [one.description for one in list_classes(connection)] == [None, None, "о чём это"]
        with pytest.raises(ClassRefused, match="at most 1,000 characters"):
            add_class(connection, "новый", "я" * 1_001)


def test_a_label_that_is_given_during_a_merge_is_moved_too(engine: Engine) -> None:
    take_in(engine, StoredMessage("раз"), StoredMessage("нуль", label="карта"), StoredMessage("два", label="перевод"))
    with writing_rows(engine) as connection:
        fill_at_random(connection, 1)
        (waiting,) = lease_next(connection, "anton", 1)
        place = id_of(connection, "карта")
    with ThreadPoolExecutor(1) as threads:
        with writing_rows(engine) as connection:
            give_label(connection, "anton", waiting.suggested.message_id, place)
            merging = threads.submit(merged, engine)
            with pytest.raises(TimeoutError):
                merging.result(timeout=0.2)
        merging.result(timeout=20)
    assert labelled(engine) == [("два", "перевод"), ("нуль", "перевод"), ("раз", "перевод")]
