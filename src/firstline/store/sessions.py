"""Sessions of the console: who holds which cookie. Only the hash of a cookie's token is stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from sqlalchemy import Connection, delete, or_, select

from firstline.store.messages import now
from firstline.store.schema import sessions, users
from firstline.store.users import Role

_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Session:
    """A session that is in force, with its user as stored now. Times are UTC. `csrf` is what each form repeats."""

    token_hash: bytes
    csrf: str
    created_at: datetime
    seen_at: datetime
    user_id: int
    name: str
    role: Role


def digest_of(token: str) -> bytes:
    """SHA-256, (32,): the token is random, so that a slow hash would gain nothing."""
    return sha256(token.encode()).digest()


def begin_session(connection: Connection, user_id: int) -> str:
    """A new session. Returns its token of 256 bits, which is not stored."""
    token = token_urlsafe(_TOKEN_BYTES)
    values = {
        "token_hash": digest_of(token),
        "user_id": user_id,
        "csrf": token_urlsafe(_TOKEN_BYTES),
        "created_at": now(),
        "seen_at": now(),
    }
    connection.execute(sessions.insert().values(values))
    return token


def find_session(connection: Connection, token: str, idle_s: float, most_s: float) -> Session | None:
    """The session of a token; None if there is none, if it was not used for `idle_s`, or began `most_s` ago.

    A session of a disabled user is not in force.
    """
    wanted = (
        select(
            sessions.c.token_hash,
            sessions.c.csrf,
            sessions.c.created_at,
            sessions.c.seen_at,
            sessions.c.user_id,
            users.c.name,
            users.c.role,
        )
        .join(users, users.c.id == sessions.c.user_id)
        .where(
            sessions.c.token_hash == digest_of(token),
            sessions.c.seen_at > now() - timedelta(seconds=idle_s),
            sessions.c.created_at > now() - timedelta(seconds=most_s),
            users.c.disabled_at.is_(None),
        )
    )
    row = connection.execute(wanted).mappings().first()
    return None if row is None else Session(**row)


def touch_session(connection: Connection, token_hash: bytes) -> None:
    """Note that a session was used just now."""
    connection.execute(sessions.update().where(sessions.c.token_hash == token_hash).values(seen_at=now()))


def end_session(connection: Connection, token_hash: bytes) -> None:
    """End one session."""
    connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


def remove_ended(connection: Connection, idle_s: float, most_s: float) -> None:
    """Delete the sessions that `find_session` no longer returns because of their age."""
    is_over = or_(
        sessions.c.seen_at <= now() - timedelta(seconds=idle_s),
        sessions.c.created_at <= now() - timedelta(seconds=most_s),
    )
    connection.execute(delete(sessions).where(is_over))
