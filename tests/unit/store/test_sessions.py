"""A session ends when it is idle, when it is old, and with its user."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select

from firstline.store import sessions as module
from firstline.store.database import writing
from firstline.store.messages import now
from firstline.store.schema import sessions
from firstline.store.sessions import begin_session, end_session, find_session, remove_ended, touch_session
from firstline.store.users import User, add_user, disable_user

IDLE_S, MOST_S = 600.0, 3_600.0


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as opened:
        yield opened


@pytest.fixture
def ada(connection: Connection) -> User:
    add_user(connection, "root", "admin", "h")
    return add_user(connection, "ada", "lead", "h")


def after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    later: datetime = now() + timedelta(seconds=seconds)
    monkeypatch.setattr(module, "now", lambda: later)


def test_only_the_hash_of_a_token_is_stored(connection: Connection, ada: User) -> None:
    token = begin_session(connection, ada.id)
    found = find_session(connection, token, IDLE_S, MOST_S)
    assert found is not None
    assert (found.user_id, found.name, found.role) == (ada.id, "ada", "lead")
    assert len(token) >= 43
    row = connection.execute(select(*sessions.c)).one()
    assert token not in repr(row)
    assert token.encode() not in row.token_hash
    assert find_session(connection, token + "x", IDLE_S, MOST_S) is None


def test_a_session_ends_when_it_is_idle(connection: Connection, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = begin_session(connection, ada.id)
    after(IDLE_S - 5, monkeypatch)
    found = find_session(connection, token, IDLE_S, MOST_S)
    assert found is not None
    touch_session(connection, found.token_hash)
    after(2 * IDLE_S - 10, monkeypatch)
    assert find_session(connection, token, IDLE_S, MOST_S) is not None
    after(2 * IDLE_S + 10, monkeypatch)
    assert find_session(connection, token, IDLE_S, MOST_S) is None


def test_a_session_ends_when_it_is_old_though_it_is_used(
    connection: Connection, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = begin_session(connection, ada.id)
    after(MOST_S + 1, monkeypatch)
    touch_session(connection, module.digest_of(token))
    assert find_session(connection, token, IDLE_S, MOST_S) is None
    remove_ended(connection, IDLE_S, MOST_S)
    assert connection.execute(select(*sessions.c)).all() == []


def test_signing_out_ends_one_session_and_removal_of_the_user_all(connection: Connection, ada: User) -> None:
    first, second = begin_session(connection, ada.id), begin_session(connection, ada.id)
    end_session(connection, module.digest_of(first))
    assert find_session(connection, first, IDLE_S, MOST_S) is None
    assert find_session(connection, second, IDLE_S, MOST_S) is not None
    disable_user(connection, "ada")
    assert find_session(connection, second, IDLE_S, MOST_S) is None
