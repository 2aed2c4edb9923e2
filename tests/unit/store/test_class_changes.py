"""Classes are changed; no label is lost."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from firstline.errors import UsageError
from firstline.store.class_changes import (
    add_class,
    describe_class,
    list_classes,
    rename_class,
    retire_class,
)
from firstline.store.database import writing
from firstline.store.former_names import names_now
from firstline.store.labelled import read_labelled
from firstline.store.merges import Merger, merge_classes, merger
from firstline.store.messages import (
    StoredMessage,
    count_by_class,
    count_disagreements,
    count_labels,
    disagreements,
    read_for_training,
)
from firstline.store.undo import undo_last_import
from tests.unit.store.filling import take_in


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Three messages of one class, two of another; one of them has both."""
    take_in(engine, *(StoredMessage(text, label="карта") for text in ("раз", "два", "три")))
    take_in(engine, StoredMessage("четыре", label="перевод"), StoredMessage("три", label="перевод"))
    return engine


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return dict(count_by_class(connection))


def test_classes_are_listed_with_their_labels(filled: Engine) -> None:
    with writing(filled) as connection:
        add_class(connection, " вход ", "войти не выходит")
        describe_class(connection, "карта", "о картах")
        found = list_classes(connection)
        assert [(one.name, one.description, one.n_labels, one.retired_at) for one in found] == [
            ("карта", "о картах", 3, None),
            ("перевод", None, 2, None),
            ("вход", "войти не выходит", 0, None),
        ]
        assert [list_classes(connection, one.id) for one in found] == [[one] for one in found]
        assert list_classes(connection, 99) == []


def test_a_renamed_class_keeps_its_labels(filled: Engine) -> None:
    with writing(filled) as connection:
        assert rename_class(connection, "карта", "карты  и  счета") == "карты и счета"
    assert counts(filled) == {"карты и счета": 3, "перевод": 2}


def test_a_merge_says_what_it_does_and_moves_the_labels(filled: Engine) -> None:
    with writing(filled) as connection:
        assert merger(connection, "карта", "перевод") == Merger(2, 1)
        merge_classes(connection, "карта", "перевод", "anna")
    assert counts(filled) == {"перевод": 4}
    data = read_for_training(filled)
    assert (len(data.messages), set(data.labels), data.n_disagreements) == (4, {"перевод"}, 0)


def test_a_merge_is_taken_back(filled: Engine) -> None:
    before = read_for_training(filled)
    with writing(filled) as connection:
        merge_classes(connection, "карта", "перевод", "anna")
        undone = undo_last_import(connection, str)
        assert undone is not None
        assert (undone.n_labels, undone.n_labels_back, undone.n_messages) == (2, 3, 0)
    assert read_for_training(filled) == before
    assert counts(filled) == {"карта": 3, "перевод": 2}


def test_labels_of_a_retired_class_are_not_learned(filled: Engine) -> None:
    with writing(filled) as connection:
        assert retire_class(connection, "карта") == 3
        (retired,) = [one for one in list_classes(connection) if one.retired_at]
        assert (datetime.now(UTC).replace(tzinfo=None) - retired.retired_at).total_seconds() < 60  # type: ignore[operator]
    data = read_for_training(filled)
    # The message that had both has one label now; the others are as good as unlabelled.
    assert (data.labels, len(data.unlabelled), data.n_disagreements) == (["перевод"] * 2, 2, 0)
    with filled.connect() as connection:
        assert (count_labels(connection), count_disagreements(connection), disagreements(connection)) == (2, 0, [])
    assert {one.label for one in read_labelled(filled)} == {"перевод"}
    with writing(filled) as connection:
        retire_class(connection, "карта", is_back=True)
    assert len(read_for_training(filled).labels) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda connection: rename_class(connection, "нет", "да"), "There is no class 'нет'"),
        (lambda connection: rename_class(connection, "карта", "перевод"), "'перевод' is a class already"),
        (lambda connection: add_class(connection, "карта"), "'карта' is a class already"),
        (lambda connection: add_class(connection, " "), "cannot be empty"),
        (lambda connection: merge_classes(connection, "карта", "карта", "anna"), "into itself"),
        (lambda connection: merge_classes(connection, "карта", "нет", "anna"), "There is no class 'нет'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(filled: Engine, change: object, said: str) -> None:
    with pytest.raises(UsageError, match=said), writing(filled) as connection:
        change(connection)  # type: ignore[operator]
    assert counts(filled) == {"карта": 3, "перевод": 2}


def test_an_import_with_a_former_name_brings_labels_of_the_class(filled: Engine) -> None:
    with writing(filled) as connection:
        rename_class(connection, "карта", "карты")
        merge_classes(connection, "карты", "перевод", "anna")
    tally = take_in(filled, StoredMessage("пять", label="карта"), StoredMessage("шесть", label="карты"))
    assert tally.renamed == {"карта": "перевод", "карты": "перевод"}
    assert (tally.new_classes, counts(filled)) == ([], {"перевод": 6})
    with filled.connect() as connection:
        assert [one.former_names for one in list_classes(connection)] == [("карта", "карты")]
        assert names_now(connection) == {"карта": "перевод", "карты": "перевод"}
    with pytest.raises(UsageError, match="'карта' is 'перевод' now"), writing(filled) as connection:
        retire_class(connection, "карта")


def test_a_class_gets_its_former_name_back(filled: Engine) -> None:
    with writing(filled) as connection:
        rename_class(connection, "карта", "карты")
        rename_class(connection, "карты", "карта")
        assert names_now(connection) == {"карты": "карта"}
    assert counts(filled) == {"карта": 3, "перевод": 2}


def test_a_former_name_becomes_a_class_of_its_own(filled: Engine) -> None:
    with writing(filled) as connection:
        rename_class(connection, "карта", "карты")
        with pytest.raises(UsageError, match="a former name of 'карты'"):
            rename_class(connection, "перевод", "карта")
        add_class(connection, "карта", "только одна")
    take_in(filled, StoredMessage("пять", label="карта"))
    assert counts(filled) == {"карты": 3, "карта": 1, "перевод": 2}


def test_former_names_of_a_class_that_an_undo_takes_away_are_gone_too(engine: Engine) -> None:
    take_in(engine, StoredMessage("раз", label="карта"))
    with writing(engine) as connection:
        rename_class(connection, "карта", "карты")
        undo_last_import(connection, str)
        assert (list_classes(connection), names_now(connection)) == ([], {})
    assert take_in(engine, StoredMessage("раз", label="карта")).renamed == {}


def test_labels_of_a_retired_class_are_reported_at_import(filled: Engine) -> None:
    with writing(filled) as connection:
        retire_class(connection, "карта")
    assert take_in(filled, StoredMessage("пять", label="карта")).retired == ["карта"]
    assert take_in(filled, StoredMessage("шесть", label="перевод")).retired == []
