"""Users of the console: one name in any case, and always an admin."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, func, select

from firstline.errors import UsageError
from firstline.store.database import writing
from firstline.store.schema import sessions
from firstline.store.sessions import begin_session
from firstline.store.users import (
    add_user,
    as_name,
    as_role,
    disable_user,
    find_user,
    list_users,
    read_user,
    set_password,
    set_role,
)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as opened:
        yield opened


def n_sessions(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(sessions)).scalar_one()


def test_a_name_is_found_in_any_case_and_taken_once(connection: Connection) -> None:
    anna = add_user(connection, "Анна  Ёлкина", "lead", "h")
    assert as_name("a\x00b\u202e") == "ab"
    assert (anna.name, anna.role, anna.disabled_at) == ("Анна Ёлкина", "lead", None)
    assert find_user(connection, "АННА ёлкина") == anna
    with pytest.raises(UsageError, match="a user 'Анна Ёлкина' already"):
        add_user(connection, "анна ёлкина", "admin", "h")
    assert [user.name for user in list_users(connection)] == ["Анна Ёлкина"]


@pytest.mark.parametrize("name", ["", " \x00\u200b ", "a" * 65, "\ue000"])
def test_a_name_that_no_page_could_show_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="1 to 64 printable"):
        as_name(name)


def test_roles_have_an_order(connection: Connection) -> None:
    lead = add_user(connection, "lena", "lead", "h")
    assert [lead.may("annotator"), lead.may("lead"), lead.may("admin")] == [True, True, False]
    assert as_role("admin") == "admin"
    with pytest.raises(UsageError, match="'root' is not a role"):
        as_role("root")


def test_the_last_admin_stays(connection: Connection) -> None:
    add_user(connection, "ada", "admin", "h")
    changes: list[Callable[[], object]] = [
        lambda: set_role(connection, "ada", "lead"),
        lambda: disable_user(connection, "ADA"),
    ]
    for change in changes:
        with pytest.raises(UsageError, match="'ada' is the only admin"):
            change()
    add_user(connection, "bob", "admin", "h")
    disable_user(connection, "bob")
    with pytest.raises(UsageError, match="'ada' is the only admin"):
        set_role(connection, "ada", "annotator")
    add_user(connection, "bob", "admin", "h")
    assert set_role(connection, "ada", "annotator").role == "annotator"


def test_a_change_of_role_or_password_ends_the_sessions(connection: Connection) -> None:
    add_user(connection, "ada", "admin", "h")
    bob, eva = add_user(connection, "bob", "lead", "h"), add_user(connection, "eva", "lead", "h")
    begin_session(connection, eva.id)
    changes: list[Callable[[], object]] = [
        lambda: set_role(connection, "bob", "annotator"),
        lambda: set_password(connection, "bob", "other"),
        lambda: disable_user(connection, "bob"),
    ]
    for change in changes:
        begin_session(connection, bob.id)
        assert n_sessions(connection) == 2
        change()
        assert n_sessions(connection) == 1
    begin_session(connection, eva.id)
    assert set_role(connection, "eva", "lead").role == "lead"
    assert n_sessions(connection) == 2


def test_a_removed_user_is_enabled_again_under_the_same_number(connection: Connection) -> None:
    bob = add_user(connection, "Bob", "lead", "old")
    disable_user(connection, "bob")
    with pytest.raises(UsageError, match="There is no user 'bob'"):
        read_user(connection, "bob")
    disabled = find_user(connection, "bob")
    assert disabled is not None
    assert disabled.disabled_at is not None
    assert disabled.password_hash == ""
    again = add_user(connection, "bob", "annotator", "new")
    assert (again.id, again.role, again.password_hash) == (bob.id, "annotator", "new")
