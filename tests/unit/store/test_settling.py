"""What a lead has to decide, what a decision changes, and that undoing it leaves nothing of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from firstline.errors import CaseChanged, UsageError
from firstline.store.agreement import Labeller, labelled_twice, labellers
from firstline.store.cases import Case, open_cases, read_case, split_messages
from firstline.store.class_changes import add_class, merge_classes, rename_class, retire_class
from firstline.store.database import writing, writing_rows
from firstline.store.history import read_history
from firstline.store.labelling import Suggested, classes_in_use, write_queue
from firstline.store.messages import StoredMessage, now
from firstline.store.schema import classes, clusters, in_force, labels, messages, remarks, second_labels
from firstline.store.settling import Settled, last_decision, settle, take_back_decision
from firstline.store.undo import undo_last_import
from firstline.store.users import add_user
from tests.unit.store.filling import take_in

SIGN_IN, CARD, LOAN = 1, 2, 3
UNSURE, SPLIT = 4, 5
"""Messages by their ids: the first three have one class each, the fourth none, the fifth two."""


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Three messages with a label, one that somebody was unsure about, and one with two labels."""
    items = [
        ("раз", "карта"),
        ("два", "вход"),
        ("три", "кредит"),
        ("четыре", None),
        ("пять", "карта"),
        ("пять", "вход"),
    ]
    take_in(engine, *(StoredMessage(text, "lead", label=label) for text, label in items))
    remarked(engine, UNSURE, "unsure")
    return engine


def second(
    engine: Engine, message_id: int, first: int, class_id: int, who: str = "anton", reason: str = "twice"
) -> None:
    row = {"message_id": message_id, "first_class": first, "class_id": class_id, "who": who, "reason": reason}
    with writing_rows(engine) as connection:
        connection.execute(second_labels.insert().values(at=now(), **row))


def remarked(engine: Engine, message_id: int, kind: str, text: str | None = None) -> None:
    row = {"message_id": message_id, "who": "olga", "kind": kind, "text": text}
    with writing_rows(engine) as connection:
        connection.execute(remarks.insert().values(at=now(), **row))


def open_now(engine: Engine) -> dict[int, str]:
    with engine.connect() as connection:
        return dict(open_cases(connection, split_messages(connection)))


def case_of(engine: Engine, message_id: int) -> Case:
    with engine.connect() as connection:
        found = read_case(connection, message_id)
    assert found is not None
    return found


def decide(engine: Engine, message_id: int, class_id: int, who: str = "lena", seen: str | None = None) -> Settled:
    seen = case_of(engine, message_id).seen if seen is None else seen
    with writing_rows(engine) as connection:
        return settle(connection, who, message_id, class_id, seen)


def undo(engine: Engine, one: Settled, who: str = "lena") -> None:
    with writing_rows(engine) as connection:
        take_back_decision(connection, who, one.message_id, one.at)


def state(engine: Engine) -> list[Sequence[Any]]:
    """Everything that a decision may change, without labels that were given and taken back."""
    gone = labels.c.superseded_at.is_not(None) & (labels.c.source == "settled")
    with engine.connect() as connection:
        return [
            connection.execute(select(labels).where(~gone).order_by(labels.c.id)).all(),
            connection.execute(select(second_labels).order_by(second_labels.c.id)).all(),
            connection.execute(select(remarks).order_by(remarks.c.id)).all(),
        ]


def test_what_is_to_be_decided(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    second(filled, 2, SIGN_IN, SIGN_IN)
    second(filled, 3, LOAN, CARD, reason="suspect")
    assert open_now(filled) == {1: "second", 3: "second", UNSURE: "unsure", SPLIT: "split"}
    assert [case_of(filled, place).why for place in (1, 3, UNSURE, SPLIT)] == ["second", "second", "unsure", "split"]
    with filled.connect() as connection:
        assert read_case(connection, 2) is None
        assert read_case(connection, 99) is None


def test_a_case_shows_what_everybody_said(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    remarked(filled, 1, "note", "может быть карта")
    remarked(filled, 1, "skip")
    with writing_rows(filled) as connection:
        write_queue(connection, [Suggested(UNSURE, 0, "typical", [(LOAN, 0.5), (99, 0.3), (CARD, 0.1)])])
    one = case_of(filled, 1)
    assert [(said.label, said.who, said.is_second) for said in one.opinions] == [
        ("карта", None, False),
        ("вход", "anton", True),
    ]
    assert [(said.who, said.text, said.is_unsure) for said in one.said] == [("olga", "может быть карта", False)]
    assert case_of(filled, UNSURE).guesses == [LOAN, CARD]
    assert [said.label for said in case_of(filled, SPLIT).opinions] == ["карта", "вход"]


def test_a_merged_class_is_the_one_that_it_is_now(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    with writing(filled) as connection:
        merge_classes(connection, "карта", "вход", "lena")
        rename_class(connection, "вход", "доступ")
    # Both labels of the message mean the same now, and so do the two of the other one.
    assert open_now(filled) == {UNSURE: "unsure"}
    with filled.connect() as connection:
        assert labelled_twice(connection, 9) == [["доступ", "доступ"]]


def test_confirming_the_first_label_changes_no_label(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    before = state(filled)
    done = decide(filled, 1, CARD)
    assert (done.label, done.text) == ("карта", "раз")
    assert state(filled)[0] == before[0]
    assert 1 not in open_now(filled)
    undo(filled, done)
    assert state(filled) == before
    assert open_now(filled)[1] == "second"


def test_a_decision_leaves_one_label_and_undoing_it_nothing(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    second(filled, UNSURE, CARD, SIGN_IN)
    before, opened = state(filled), open_now(filled)
    for message_id, class_id in ((1, SIGN_IN), (UNSURE, CARD), (SPLIT, SIGN_IN), (SPLIT, LOAN)):
        done = decide(filled, message_id, class_id)
        assert message_id not in open_now(filled)
        of_message = labels.c.message_id == message_id
        with filled.connect() as connection:
            (held,) = connection.execute(select(labels).where(of_message, in_force)).mappings()
            assert last_decision(connection, "lena") == done
        assert held["class_id"] == class_id
        assert (held["by"], held["at"]) == ("lena", done.at)
        undo(filled, done)
        assert state(filled) == before
        assert open_now(filled) == opened
    with filled.connect() as connection:
        assert last_decision(connection, "lena") is None


def test_the_label_before_is_kept_with_what_replaced_it(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    done = decide(filled, 1, SIGN_IN)
    with filled.connect() as connection:
        old, new = connection.execute(select(labels).where(labels.c.message_id == 1).order_by(labels.c.id)).mappings()
        marks = connection.execute(select(second_labels)).mappings().one()
    assert (old["class_id"], old["superseded_at"], old["superseded_by"]) == (CARD, done.at, new["id"])
    assert (new["class_id"], new["by"], new["source"]) == (SIGN_IN, "lena", "settled")
    assert (marks["settled_at"], marks["settled_by"]) == (done.at, "lena")


def test_a_label_of_a_random_message_stays_one(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        write_queue(connection, [Suggested(UNSURE, 0, "random", is_random=True)])
        connection.execute(labels.update().where(labels.c.message_id == 1).values(is_random=True))
    second(filled, 1, CARD, SIGN_IN)
    for message_id, is_random in ((1, True), (UNSURE, True), (SPLIT, False)):
        decide(filled, message_id, LOAN)
        with filled.connect() as connection:
            found = connection.execute(select(labels.c.is_random).where(labels.c.message_id == message_id, in_force))
            assert found.scalar_one() is is_random


def test_a_decision_that_is_sent_twice_is_taken_once(filled: Engine) -> None:
    seen = case_of(filled, UNSURE).seen
    done = decide(filled, UNSURE, CARD)
    assert decide(filled, UNSURE, CARD, seen=seen) == done
    with filled.connect() as connection:
        count = connection.execute(select(func.count()).where(labels.c.message_id == UNSURE)).scalar_one()
    assert count == 1
    for who, class_id in (("lena", LOAN), ("ada", CARD)):
        with pytest.raises(CaseChanged) as caught:
            decide(filled, UNSURE, class_id, who, seen)
        assert caught.value.reason == "settled"


def test_what_has_changed_meanwhile_is_refused(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    seen = case_of(filled, 1).seen
    take_in(filled, StoredMessage("раз", "lead", label="кредит"))
    second(filled, 2, SIGN_IN, CARD)
    unsure = case_of(filled, UNSURE).seen
    with writing(filled) as connection:
        connection.execute(messages.delete().where(messages.c.id == 2))
        retire_class(connection, "кредит")
    before = state(filled)
    refusals = (
        (1, CARD, seen, "changed"),
        (2, CARD, "2--", "gone"),
        (UNSURE, LOAN, unsure, "class"),
        (UNSURE, 99, unsure, "class"),
    )
    for message_id, class_id, shown, reason in refusals:
        with pytest.raises(CaseChanged) as caught:
            decide(filled, message_id, class_id, seen=shown)
        assert caught.value.reason == reason
    assert state(filled) == before


def test_nobody_undoes_what_does_not_hold(filled: Engine) -> None:
    done = decide(filled, UNSURE, CARD)
    with pytest.raises(CaseChanged, match="does not hold"):
        undo(filled, done, "ada")
    second(filled, UNSURE, CARD, LOAN)
    with pytest.raises(CaseChanged, match="has changed since"):
        undo(filled, done)
    later = decide(filled, UNSURE, LOAN)
    undo(filled, later)
    with pytest.raises(CaseChanged, match="does not hold"):
        undo(filled, later)
    with pytest.raises(CaseChanged, match="has changed since"):
        undo(filled, done)


def test_the_history_has_every_change(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    remarked(filled, 1, "note", "проверьте")
    undo(filled, decide(filled, 1, LOAN))
    decide(filled, 1, SIGN_IN)
    with filled.connect() as connection:
        found = read_history(connection, 1)
        assert read_history(connection, 99) is None
    assert found is not None
    assert found.labels == ["вход"]
    assert [(one.what, one.who, one.label) for one in found.events] == [
        ("imported", None, "карта"),
        ("second", "anton", "вход"),
        ("note", "olga", None),
        ("decided", "lena", "кредит"),
        ("ended", "lena", "кредит"),
        ("ended", "lena", "карта"),
        ("decided", "lena", "вход"),
    ]
    assert (found.events[0].text, found.events[2].text) == ("a.csv", "проверьте")


def test_a_confirmed_label_is_a_decision_in_the_history(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    decide(filled, 1, CARD)
    with filled.connect() as connection:
        found = read_history(connection, 1)
    assert found is not None
    assert [(one.what, one.who, one.label) for one in found.events][2:] == [("decided", "lena", None)]


def test_only_what_chance_chose_measures_agreement(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    second(filled, 2, SIGN_IN, SIGN_IN)
    second(filled, 3, LOAN, CARD, reason="suspect")
    second(filled, 1, CARD, CARD, "olga")
    decide(filled, 1, SIGN_IN)
    with filled.connect() as connection:
        assert labelled_twice(connection, 9) == [["карта", "вход", "карта"], ["вход", "вход"]]
        assert labelled_twice(connection, 2) == [["вход", "вход"], ["карта", "карта"]]
        assert len(classes_in_use(connection)) == 3


def test_people_are_counted_by_what_they_labelled(filled: Engine) -> None:
    second(filled, 1, CARD, SIGN_IN)
    with writing(filled) as connection:
        for name in ("olga", "anton", "lena"):
            add_user(connection, name, "annotator", "")
        connection.execute(
            labels.update().where(labels.c.message_id == 2).values(by="olga", source="console", at=now())
        )
        since = now() - timedelta(hours=1)
        assert labellers(connection, since) == [Labeller("anton", 0, 1), Labeller("olga", 1, 0)]
        assert labellers(connection, now() + timedelta(hours=1)) == []


def test_a_class_that_a_second_person_gave_outlives_the_import_that_brought_it(filled: Engine) -> None:
    take_in(filled, StoredMessage("шесть", label="ипотека"))
    with filled.connect() as connection:
        mortgage = next(one.id for one in classes_in_use(connection) if one.name == "ипотека")
    second(filled, 1, CARD, mortgage)
    with writing(filled) as connection:
        connection.execute(clusters.insert().values(rank=0, class_id=mortgage, share=0.5, words="[]"))
        undone = undo_last_import(connection, str)
    assert undone is not None
    assert undone.n_messages == 1
    assert [said.label for said in case_of(filled, 1).opinions] == ["карта", "ипотека"]
    with writing(filled) as connection:
        connection.execute(second_labels.delete())
    take_in(filled, StoredMessage("семь", label="вклад"))
    with writing(filled) as connection:
        deposit = connection.execute(select(classes.c.id).where(classes.c.name == "вклад")).scalar_one()
        connection.execute(clusters.update().values(class_id=deposit))
        undo_last_import(connection, str)
        assert connection.execute(select(clusters.c.class_id)).scalar() is None
        assert connection.execute(select(classes.c.id).where(classes.c.name == "вклад")).scalar() is None


def test_a_name_that_a_second_person_gave_is_not_taken_for_another_class(filled: Engine) -> None:
    with writing(filled) as connection:
        add_class(connection, "счёт")
        account = connection.execute(select(classes.c.id).where(classes.c.name == "счёт")).scalar_one()
    second(filled, 1, CARD, account)
    with writing(filled) as connection:
        merge_classes(connection, "счёт", "вход", "lena")
        with pytest.raises(UsageError, match="was merged"):
            rename_class(connection, "вход", "счёт")
