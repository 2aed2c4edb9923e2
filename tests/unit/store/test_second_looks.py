"""A second look is blind, by another person, once, and leaves the first label as it is."""

from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from firstline.errors import LeaseLost
from firstline.store.database import writing, writing_rows
from firstline.store.labelling import (
    Given,
    Suggested,
    count_given_after,
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
from firstline.store.messages import StoredMessage, join_classes, now, replace_text
from firstline.store.schema import classes, clusters, labels, leases, second_labels
from firstline.store.undo import undo_last_import
from firstline.store.users import add_user, disable_user
from tests.unit.store.filling import labelled, take_in

BEGIN = now()


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """`раз`, labelled by anna as `карта`, and `два`, imported as `вход`, are to be looked at again."""
    take_in(engine, StoredMessage("раз"), StoredMessage("два", label="вход"), StoredMessage("три", label="карта"))
    with writing(engine) as connection:
        for name in ("anna", "boris"):
            add_user(connection, name, "annotator", "")
    with writing_rows(engine) as connection:
        write_queue(connection, [Suggested(1, 0, "typical")])
        lease_next(connection, "anna", 1)
        give_label(connection, "anna", 1, class_id(connection, "карта"))
    return engine


def class_id(connection: Any, name: str) -> int:
    return int(connection.execute(select(classes.c.id).where(classes.c.name == name)).scalar_one())


def queue(connection: Any, **reasons: str) -> None:
    """Queue `раз` (`first`) and `два` (`second`) for these reasons."""
    connection.execute(leases.delete())
    places = {"first": 1, "second": 2}
    write_queue(connection, [Suggested(places[name], places[name], reason) for name, reason in reasons.items()])


def offered(connection: Any, who: str) -> list[int]:
    return [one.suggested.message_id for one in lease_next(connection, who, 9)]


def rows(connection: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(second_labels)).mappings()]


def look(connection: Any, reason: str, name: str) -> Given:
    """Boris looks at what anna labelled as `карта`."""
    queue(connection, first=reason)
    assert offered(connection, "boris") == [1]
    return give_label(connection, "boris", 1, class_id(connection, name))


def test_nobody_looks_at_their_own_label(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        for reason in ("twice", "suspect"):
            queue(connection, first=reason)
            assert offered(connection, "anna") == []
            assert count_waiting(connection) == {reason: 1}
            assert offered(connection, "boris") == [1]


def test_an_unknown_author_is_asked_about_as_a_suspect_alone(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        queue(connection, second="twice")
        assert offered(connection, "anna") == []
        queue(connection, second="suspect")
        assert offered(connection, "anna") == [2]


def test_a_team_of_one_looks_at_its_own_suspects(filled: Engine) -> None:
    with writing(filled) as connection:
        disable_user(connection, "boris")
    with writing_rows(filled) as connection:
        queue(connection, first="twice")
        assert offered(connection, "anna") == []
        queue(connection, first="suspect")
        assert offered(connection, "anna") == [1]
        given = give_label(connection, "anna", 1, class_id(connection, "карта"))
        assert given.is_second
        assert give_label(connection, "anna", 1, class_id(connection, "карта")) == given
        assert len(rows(connection)) == 1


@pytest.mark.parametrize(
    ("reason", "name", "is_settled"),
    [("suspect", "карта", True), ("suspect", "вход", False), ("twice", "карта", False), ("twice", "вход", False)],
)
def test_a_second_label_leaves_the_first(filled: Engine, reason: str, name: str, is_settled: bool) -> None:
    with writing_rows(filled) as connection:
        before = connection.execute(select(labels).order_by(labels.c.id)).all()
        given = look(connection, reason, name)
        # The answer was lost on its way, so it is sent again.
        assert give_label(connection, "boris", 1, class_id(connection, name)) == given
        (row,) = rows(connection)
        assert (row["who"], row["reason"], row["first_by"]) == ("boris", reason, "anna")
        assert (row["first_class"], row["class_id"]) == (class_id(connection, "карта"), class_id(connection, name))
        assert ((row["settled_at"] is not None), row["settled_by"]) == (is_settled, None)
        assert connection.execute(select(labels).order_by(labels.c.id)).all() == before
        assert given.ref == f"second-{row['id']}"
        # It is not asked again.
        queue(connection, first=reason)
        assert (offered(connection, "boris"), count_waiting(connection)) == ([], {})


def test_second_labels_count(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        look(connection, "twice", "вход")
        assert [count_given_since(connection, who, BEGIN) for who in ("anna", "boris")] == [1, 1]
        assert count_given_after(connection, BEGIN) == 2
        assert [one.text for one in last_given(connection, "boris", 5)] == ["раз"]


def test_the_last_labels_of_both_kinds_are_in_order(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        queue(connection, second="suspect")
        offered(connection, "anna")
        give_label(connection, "anna", 2, class_id(connection, "карта"))
        found = last_given(connection, "anna", 5)
        assert [(one.text, one.is_second) for one in found] == [("два", True), ("раз", False)]
        assert last_given(connection, "anna", 1) == found[:1]


def test_without_a_lease_nothing_is_looked_at(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        queue(connection, first="twice")
        with pytest.raises(LeaseLost, match="Someone else has this message"):
            give_label(connection, "boris", 1, class_id(connection, "вход"))
        assert rows(connection) == []


@pytest.mark.parametrize("reason", ["twice", "suspect"])
def test_a_second_label_is_taken_back_even_if_the_queue_is_another(filled: Engine, reason: str) -> None:
    with writing_rows(filled) as connection:
        given = look(connection, reason, "карта")
        with pytest.raises(LeaseLost, match="not yours"):
            take_back(connection, "anna", given.id, is_second=True)
        write_queue(connection, [])
        assert take_back(connection, "boris", given.id, is_second=True) == given
        with pytest.raises(LeaseLost):
            take_back(connection, "boris", given.id, is_second=True)
        assert rows(connection) == []
        assert [one.suggested.reason for one in lease_next(connection, "boris", 9)] == [reason]
        assert give_label(connection, "boris", 1, class_id(connection, "вход")).is_second
    assert labelled(filled).count(("раз", "карта")) == 1


def test_what_a_lead_settled_is_not_taken_back(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        given = look(connection, "twice", "вход")
        connection.execute(second_labels.update().values(settled_at=now(), settled_by="lena"))
        with pytest.raises(LeaseLost, match="settled"):
            take_back(connection, "boris", given.id, is_second=True)
        assert len(rows(connection)) == 1


def test_a_label_that_changed_meanwhile_is_not_looked_at(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        queue(connection, first="twice")
        offered(connection, "boris")
    take_in(filled, StoredMessage("раз", label="вход"))
    with writing_rows(filled) as connection:
        with pytest.raises(LeaseLost, match="was changed"):
            give_label(connection, "boris", 1, class_id(connection, "вход"))
        assert (rows(connection), offered(connection, "boris")) == ([], [])


def test_a_label_that_was_taken_back_meanwhile_makes_it_a_first_label(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        queue(connection, first="twice")
        offered(connection, "boris")
        take_back(connection, "anna", last_given(connection, "anna", 1)[0].id)
        assert not give_label(connection, "boris", 1, class_id(connection, "вход")).is_second
        assert rows(connection) == []
    assert ("раз", "вход") in labelled(filled)


def test_second_looks_are_skipped_and_left_to_a_lead(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        queue(connection, first="twice", second="suspect")
        assert offered(connection, "boris") == [1, 2]
        remark(connection, "boris", 1, "skip")
        remark(connection, "boris", 2, "unsure")
        assert (offered(connection, "boris"), offered(connection, "anna")) == ([], [])


def test_the_examples_of_a_class_do_not_show_what_is_looked_at(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        card = class_id(connection, "карта")
        assert examples_of(connection, card, 3) == ["раз", "три"]
        queue(connection, first="twice")
        offered(connection, "boris")
        assert examples_of(connection, card, 3) == ["три"]


def test_labelled_messages_are_not_drawn_at_random(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        queue(connection, first="twice")
        assert fill_at_random(connection, 9) == 0
        assert connection.execute(select(func.count()).select_from(leases)).scalar_one() == 0


def test_second_labels_follow_a_message_that_becomes_the_same_as_another(filled: Engine) -> None:
    with writing(filled) as connection:
        look(connection, "twice", "вход")
        replace_text(connection, 1, StoredMessage("три"))
        assert [row["message_id"] for row in rows(connection)] == [3]


def test_second_labels_follow_a_class_that_is_joined_with_another(filled: Engine) -> None:
    with writing(filled) as connection:
        look(connection, "twice", "карта")
        entry = class_id(connection, "вход")
        join_classes(connection, class_id(connection, "карта"), entry)
        assert [(row["first_class"], row["class_id"]) for row in rows(connection)] == [(entry, entry)]


def test_a_class_that_was_given_in_a_second_look_outlives_the_undoing_of_its_import(filled: Engine) -> None:
    take_in(filled, StoredMessage("четыре", label="новая"), StoredMessage("пять", label="лишняя"))
    with writing(filled) as connection:
        look(connection, "twice", "новая")
        unused = class_id(connection, "лишняя")
        connection.execute(clusters.insert().values(rank=0, class_id=unused, words="[]"))
        undo_last_import(connection, str)
        assert class_id(connection, "новая") == rows(connection)[0]["class_id"]
        assert connection.execute(select(clusters.c.class_id)).scalar_one() is None
        assert connection.execute(select(classes.c.id).where(classes.c.id == unused)).first() is None
