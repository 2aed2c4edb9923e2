"""The users of the console: names, roles, and hashes of passwords.

Every function runs in the caller's transaction. Those that change something need one from `writing`, so that of two
admins who lower each other at the same time one stays.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from firstline.errors import UsageError, UserRefused
from firstline.store.messages import now
from firstline.store.schema import sessions, users
from firstline.text.rules import nfc, white_space

Role: TypeAlias = Literal["annotator", "lead", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most."""
_MOST_NAME_CHARS = 64


@dataclass(frozen=True)
class User:
    """One user. Times are UTC. Without a `password_hash` nobody signs in with a password."""

    id: int
    name: str
    role: Role
    password_hash: str
    created_at: datetime
    disabled_at: datetime | None

    def may(self, role: Role) -> bool:
        """Whether the user has this role or a higher one."""
        return has_role(self.role, role)


def has_role(role: Role, least: Role) -> bool:
    """Whether `role` is `least` or higher."""
    return ROLES.index(role) >= ROLES.index(least)


def as_role(text: str) -> Role:
    """A role by its name. Raises `UsageError`."""
    for role in ROLES:
        if role == text:
            return role
    raise UsageError(f"'{text}' is not a role.", f"Roles: {', '.join(ROLES)}")


def as_name(text: str) -> str:
    """A name as it is stored: one line of at most 64 characters. Raises `UserRefused`."""
    name = white_space(nfc(text))
    if not name or len(name) > _MOST_NAME_CHARS or not name.isprintable():
        raise UserRefused(
            "name",
            f"A user's name has 1 to {_MOST_NAME_CHARS} printable characters.",
            "For example: firstline users add anna",
        )
    return name


def folded(name: str) -> str:
    """What names have in common that differ only in case."""
    return white_space(nfc(name)).casefold()


def list_users(connection: Connection) -> list[User]:
    """All users by name, disabled ones too."""
    rows = connection.execute(select(*_columns()).order_by(users.c.folded_name)).mappings()
    return [_user(row) for row in rows]


def find_user(connection: Connection, name: str) -> User | None:
    """The user of this name, in any case; disabled ones too."""
    row = connection.execute(select(*_columns()).where(users.c.folded_name == folded(name))).mappings().first()
    return None if row is None else _user(row)


def read_user(connection: Connection, name: str) -> User:
    """The user of this name who is not disabled. Raises `UserRefused`."""
    found = find_user(connection, name)
    if found is None or found.disabled_at is not None:
        raise UserRefused("missing", f"There is no user '{name}'.", "List them: firstline users")
    return found


def add_user(connection: Connection, name: str, role: Role, password_hash: str) -> User:
    """Add a user. A disabled one of this name is enabled again. Raises `UserRefused` if the name is taken or unfit."""
    name = as_name(name)
    found = find_user(connection, name)
    if found is not None and found.disabled_at is None:
        raise UserRefused(
            "exists",
            f"There is a user '{found.name}' already.",
            f"Change the role: firstline users role '{found.name}' ROLE",
        )
    values = {"name": name, "role": role, "password_hash": password_hash, "disabled_at": None}
    if found is not None:
        connection.execute(users.update().where(users.c.id == found.id).values(values))
    else:
        connection.execute(users.insert().values({**values, "folded_name": folded(name), "created_at": now()}))
    return read_user(connection, name)


def set_role(connection: Connection, name: str, role: Role) -> User:
    """Give a user another role, and end the user's sessions.

    Raises `UserRefused` if there is no such user, or if this would leave no admin.
    """
    user = read_user(connection, name)
    if role != user.role:
        if role != "admin":
            _require_another_admin(connection, user)
        connection.execute(users.update().where(users.c.id == user.id).values(role=role))
        end_sessions(connection, user.id)
    return read_user(connection, name)


def set_password(connection: Connection, name: str, password_hash: str) -> User:
    """Give a user another password, and end the user's sessions. Raises `UserRefused` if there is no such user."""
    user = read_user(connection, name)
    connection.execute(users.update().where(users.c.id == user.id).values(password_hash=password_hash))
    end_sessions(connection, user.id)
    return read_user(connection, name)


def rehash_password(connection: Connection, user_id: int, password_hash: str) -> None:
    """Store another hash of the same password; sessions go on."""
    connection.execute(users.update().where(users.c.id == user_id).values(password_hash=password_hash))


def disable_user(connection: Connection, name: str) -> User:
    """Keep a user from signing in, and end the user's sessions; labels still name the user.

    Raises `UserRefused` if there is no such user, or if this would leave no admin.
    """
    user = read_user(connection, name)
    _require_another_admin(connection, user)
    connection.execute(users.update().where(users.c.id == user.id).values(disabled_at=now(), password_hash=""))
    end_sessions(connection, user.id)
    return user


def end_sessions(connection: Connection, user_id: int) -> None:
    """Sign a user out everywhere."""
    connection.execute(sessions.delete().where(sessions.c.user_id == user_id))


def _require_another_admin(connection: Connection, user: User) -> None:
    if user.role != "admin":
        return
    others = select(func.count()).where(users.c.role == "admin", users.c.disabled_at.is_(None), users.c.id != user.id)
    if not connection.execute(others).scalar_one():
        raise UserRefused(
            "last_admin",
            f"'{user.name}' is the only admin.",
            "Make another one first: firstline users add NAME --role admin",
        )


def _columns() -> list[ColumnElement[Any]]:
    return [column for column in users.c if column.name != "folded_name"]


def _user(row: RowMapping) -> User:
    return User(**row)
