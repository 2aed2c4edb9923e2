"""Failed sign-ins, counted so that passwords cannot be guessed and an outsider cannot lock anyone out.

- After 5 failures, an address has to wait before it may try the same account again: 30 s, doubled with each failure,
  at most 15 minutes. Other addresses do not notice.
- After 50 failures on any accounts, an address has to wait likewise before it may try an account that it has never
  signed in to.
- After 20 failures from addresses that have never signed in to an account, such addresses get their answer late,
  by up to 8 s. An address that has signed in before does not notice.

A try counts as a failure from its start on, so that many at once gain nothing. Names and addresses are stored as
hashes keyed with the workspace's key. Names are hashed as they were entered, whether or not there is such a user.
"""

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, or_
from sqlalchemy.dialects import postgresql, sqlite

from firstline.store.messages import now
from firstline.store.schema import sign_ins
from firstline.store.users import folded

_FREE = 5
_FREE_OF_ADDRESS = 50
_FREE_OF_ACCOUNT = 20
_FIRST_WAIT_S = 30.0
_LONGEST_WAIT_S = 900.0
_LONGEST_DELAY_S = 8.0
_KEPT_DAYS = 2
_KNOWN_DAYS = 180
_ANY = b""
"""Stands for all accounts, or for all addresses that have never signed in to an account."""
_IPV6_PREFIX = 64
"""What one client has of IPv6 addresses."""


@dataclass(frozen=True)
class Trial:
    """A sign-in that begins: `wait_s` more than 0 refuses it, `delay_s` is how long its answer has to wait."""

    account: bytes
    address: bytes
    wait_s: int = 0
    delay_s: float = 0.0


class _Counted(NamedTuple):
    n_failures: int
    failed_at: datetime | None
    succeeded_at: datetime | None


def begin_trial(connection: Connection, secret: bytes, name: str, address: str) -> Trial:
    """Count a try to sign in before its password is looked at. `secret` is the workspace's key."""
    account = _hash(secret, b"account", folded(name))
    place = _hash(secret, b"address", _network(address))
    own = _locked(connection, account, place)
    is_known = own.succeeded_at is not None
    wait_s = _wait_s(own, _FREE)
    if not is_known:
        wait_s = max(wait_s, _wait_s(_locked(connection, _ANY, place), _FREE_OF_ADDRESS))
    if wait_s:
        return Trial(account, place, wait_s=wait_s)
    _count(connection, account, place)
    if is_known:
        return Trial(account, place)
    n_others = _locked(connection, account, _ANY).n_failures
    _count(connection, _ANY, place)
    _count(connection, account, _ANY)
    return Trial(account, place, delay_s=min(max(n_others - _FREE_OF_ACCOUNT + 1, 0), _LONGEST_DELAY_S))


def trial_succeeded(connection: Connection, trial: Trial) -> None:
    """Take the count of a try back, and remember that its address has signed in."""
    if _locked(connection, trial.account, trial.address).succeeded_at is None:
        for account, address in ((_ANY, trial.address), (trial.account, _ANY)):
            one_less = {"n_failures": sign_ins.c.n_failures - 1}
            connection.execute(
                sign_ins.update().where(_is(account, address), sign_ins.c.n_failures > 0).values(one_less)
            )
    values = {"n_failures": 0, "failed_at": None, "succeeded_at": now()}
    connection.execute(sign_ins.update().where(_is(trial.account, trial.address)).values(values))
    _forget_old(connection)


def forget_failures(connection: Connection, secret: bytes, name: str) -> None:
    """Let everyone try again to sign in to an account at once."""
    connection.execute(delete(sign_ins).where(sign_ins.c.account == _hash(secret, b"account", folded(name))))


def _wait_s(found: _Counted, n_free: int) -> int:
    """Whole seconds until the next try; 0 if it may come now."""
    if found.n_failures < n_free or found.failed_at is None:
        return 0
    pause_s = min(_FIRST_WAIT_S * 2.0 ** min(found.n_failures - n_free, 30), _LONGEST_WAIT_S)
    return max(math.ceil(pause_s - (now() - found.failed_at).total_seconds()), 0)


def _locked(connection: Connection, account: bytes, address: bytes) -> _Counted:
    """The row of a pair, made if it is missing; nobody else changes it until the transaction ends."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    same = {"n_failures": sign_ins.c.n_failures}
    row = connection.execute(
        insert(sign_ins)
        .values(account=account, address=address, n_failures=0)
        .on_conflict_do_update(index_elements=[sign_ins.c.account, sign_ins.c.address], set_=same)
        .returning(sign_ins.c.n_failures, sign_ins.c.failed_at, sign_ins.c.succeeded_at)
    ).one()
    return _Counted(*row)


def _count(connection: Connection, account: bytes, address: bytes) -> None:
    """Add a failure to a row."""
    _locked(connection, account, address)
    more = {"n_failures": sign_ins.c.n_failures + 1, "failed_at": now()}
    connection.execute(sign_ins.update().where(_is(account, address)).values(more))


def _is(account: bytes, address: bytes) -> ColumnElement[bool]:
    return and_(sign_ins.c.account == account, sign_ins.c.address == address)


def _forget_old(connection: Connection) -> None:
    """Delete failures of two days ago, and addresses that have not signed in for half a year."""
    long_ago = now() - timedelta(days=_KEPT_DAYS)
    is_over = or_(sign_ins.c.failed_at.is_(None), sign_ins.c.failed_at < long_ago)
    is_unknown = or_(sign_ins.c.succeeded_at.is_(None), sign_ins.c.succeeded_at < now() - timedelta(days=_KNOWN_DAYS))
    connection.execute(delete(sign_ins).where(is_over, is_unknown))


def _network(address: str) -> str:
    """An address, of IPv6 its network; what is not an address stays as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))


def _hash(secret: bytes, kind: bytes, text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), key=secret, digest_size=16, person=kind).digest()
