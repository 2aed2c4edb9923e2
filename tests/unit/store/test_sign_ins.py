"""Guessing is slowed down; an outsider locks nobody out."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select

from firstline.store import sign_ins as module
from firstline.store.database import writing
from firstline.store.messages import now
from firstline.store.schema import sign_ins
from firstline.store.sign_ins import Trial, begin_trial, forget_failures, trial_succeeded

KEY = b"k" * 32
HOME, OUTSIDE = "192.0.2.1", "198.51.100.9"


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as opened:
        yield opened


def fail(connection: Connection, times: int, name: str = "ada", address: str = OUTSIDE) -> Trial:
    """The last of so many failures."""
    return [begin_trial(connection, KEY, name, address) for _ in range(times)][-1]


def test_an_address_waits_longer_and_longer(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fail(connection, 5).wait_s == 0
    assert 28 <= fail(connection, 1).wait_s <= 30
    assert fail(connection, 1, address=HOME).wait_s == 0
    assert fail(connection, 1, name="bob").wait_s == 0
    begin = now()
    for pause_s in (30, 60, 120, 240, 480, 900, 900):
        begin += timedelta(seconds=pause_s + 1)
        monkeypatch.setattr(module, "now", lambda at=begin: at)
        assert fail(connection, 1).wait_s == 0
        assert fail(connection, 1).wait_s > 0


def test_a_refused_try_makes_nobody_wait_longer(connection: Connection) -> None:
    fail(connection, 5)
    first = fail(connection, 1).wait_s
    assert fail(connection, 50).wait_s <= first


def test_names_are_the_same_in_any_case(connection: Connection) -> None:
    fail(connection, 5, name="Ada")
    assert fail(connection, 1, name="ADA").wait_s > 0


def test_an_outsider_with_many_addresses_locks_nobody_out(connection: Connection) -> None:
    trial_succeeded(connection, begin_trial(connection, KEY, "ada", HOME))
    for number in range(200):
        assert fail(connection, 1, address=f"203.0.113.{number}").wait_s == 0
    assert begin_trial(connection, KEY, "ada", HOME) == Trial(*_hashes("ada", HOME))
    from_elsewhere = begin_trial(connection, KEY, "ada", "192.0.2.77")
    assert (from_elsewhere.wait_s, from_elsewhere.delay_s) == (0, 8.0)
    assert begin_trial(connection, KEY, "bob", "192.0.2.77").delay_s == 0


def test_an_address_that_tries_many_names_waits_but_not_for_an_account_that_it_knows(connection: Connection) -> None:
    trial_succeeded(connection, begin_trial(connection, KEY, "ada", HOME))
    for number in range(50):
        assert fail(connection, 1, name=f"user{number}", address=HOME).wait_s == 0
    assert fail(connection, 1, name="other", address=HOME).wait_s > 0
    assert fail(connection, 1, name="ada", address=HOME).wait_s == 0


def test_success_forgives_and_a_network_of_ipv6_is_one_address(connection: Connection) -> None:
    fail(connection, 4, address="2001:db8::1")
    trial_succeeded(connection, begin_trial(connection, KEY, "ada", "2001:db8::2"))
    assert fail(connection, 5, address="2001:db8::3").wait_s == 0
    assert fail(connection, 1, address="2001:db8::4").wait_s > 0
    assert fail(connection, 1, address="2001:db8:1::4").wait_s == 0
    assert fail(connection, 5, address="::ffff:192.0.2.1").wait_s == 0
    assert fail(connection, 1, address=HOME).wait_s > 0


def test_an_admin_can_let_someone_try_again(connection: Connection) -> None:
    fail(connection, 6)
    forget_failures(connection, KEY, "ADA")
    assert fail(connection, 1).wait_s == 0


def test_old_failures_are_deleted_and_no_name_or_address_is_stored(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(connection, 3, name="secret-name")
    rows = repr(connection.execute(select(*sign_ins.c)).all())
    assert "secret" not in rows
    assert OUTSIDE not in rows
    later = now() + timedelta(days=3)
    monkeypatch.setattr(module, "now", lambda: later)
    trial_succeeded(connection, begin_trial(connection, KEY, "ada", HOME))
    left = connection.execute(select(sign_ins.c.account).where(sign_ins.c.succeeded_at.is_not(None))).all()
    assert len(left) == 1
    assert connection.execute(select(func.count()).select_from(sign_ins)).scalar_one() <= 3


def _hashes(name: str, address: str) -> tuple[bytes, bytes]:
    return module._hash(KEY, b"account", name), module._hash(KEY, b"address", address)
