"""After an undo the store is as it was before the import."""

from typing import Any

import pytest
from sqlalchemy import Engine

from firstline.store.database import writing
from firstline.store.messages import StoredMessage
from firstline.store.undo import Undone, undo_last_import
from tests.unit.store.filling import everything, labelled, take_in, texts

START = (
    StoredMessage("где заказ", "lead", "1", None, "Заказ"),
    StoredMessage("где заказ", "lead", "2"),
    StoredMessage("карта не рабтает", None, "3", None, "Карта"),
    StoredMessage("спасибо"),
)


def undo(engine: Engine) -> Undone | None:
    with writing(engine) as connection:
        return undo_last_import(connection, lambda text: text)


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        ([StoredMessage("новое", None, "9", None, "Новый класс")], {}),
        ([StoredMessage("карта не работает", None, "3", None, "Иное")], {}),
        ([StoredMessage("где мой заказ", "lead", "2")], {}),
        ([StoredMessage("спасибо", None, "3")], {"is_source_named": True}),
        ([StoredMessage("где заказ", "lead", "1", None, "Иное")], {"settles_labels": True}),
        ([StoredMessage("где заказ", "lead", "1")], {"settles_labels": True}),
        # Two ids swap their texts.
        (
            [StoredMessage("карта не рабтает", "lead", "1"), StoredMessage("где заказ", None, "3")],
            {"is_source_named": True},
        ),
        ([StoredMessage("где заказ", None, "3"), StoredMessage("где заказ", None, "2")], {"is_source_named": True}),
    ],
    ids=["new", "corrected", "split", "joined", "relabelled", "taken away", "swapped", "joined in new"],
)
def test_everything_is_as_it_was(engine: Engine, rows: list[StoredMessage], asked: dict[str, Any]) -> None:
    take_in(engine, *START)
    before = everything(engine)
    take_in(engine, *rows, **asked)
    assert everything(engine) != before
    assert undo(engine) is not None
    assert everything(engine) == before


def test_an_import_that_changed_nothing_is_passed_over(engine: Engine) -> None:
    take_in(engine, *START)
    before = everything(engine)
    for _ in range(2):
        take_in(engine, StoredMessage("где заказ", "lead", "1", None, "Иное"), settles_labels=True)
    assert undo(engine) is not None
    assert everything(engine) == before


def test_it_says_what_went_and_what_came_back(engine: Engine) -> None:
    take_in(engine, *START)
    take_in(
        engine,
        StoredMessage("карта не работает", None, "3", None, "Иное"),
        StoredMessage("новое", None, "9"),
        settles_labels=True,
    )
    undone = undo(engine)
    assert undone is not None
    assert (undone.n_messages, undone.n_labels, undone.n_texts_back, undone.n_labels_back) == (1, 1, 1, 1)


def test_imports_are_undone_one_after_the_other_until_none_is_left(engine: Engine) -> None:
    take_in(engine, *START)
    take_in(engine, StoredMessage("новое"))
    assert undo(engine) is not None
    assert len(texts(engine)) == 3
    assert undo(engine) is not None
    assert texts(engine) == []
    assert undo(engine) is None


def test_what_was_undone_can_be_imported_again(engine: Engine) -> None:
    take_in(engine, *START)
    undo(engine)
    assert take_in(engine, *START).n_new == 3
    assert labelled(engine) == [("где заказ", "Заказ"), ("карта не рабтает", "Карта")]


def test_texts_come_back_masked_as_today(engine: Engine) -> None:
    take_in(engine, StoredMessage("заказ ЗК-1", None, "1"))
    take_in(engine, StoredMessage("заказ", None, "1"))
    with writing(engine) as connection:
        undo_last_import(connection, lambda text: text.replace("ЗК-1", "<ORDER>"))
    assert texts(engine) == [("заказ <ORDER>", None)]
