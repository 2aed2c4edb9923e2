"""The users of the console: list, add, change the role, set a password, remove. Admins alone."""

from collections.abc import Callable

from firstline.console.page import page
from firstline.console.passwords import hash_password, require_fit
from firstline.console.refusals import refusal_sentence, require_same
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import UserRefused
from firstline.store.database import writing
from firstline.store.key import open_key
from firstline.store.sign_ins import forget_failures
from firstline.store.users import (
    ROLES,
    Role,
    add_user,
    as_name,
    disable_user,
    folded,
    list_users,
    read_user,
    set_password,
    set_role,
)

_DONE = ("added", "role", "password", "removed")


@page("/users", role="admin", menu=later("Users"))
def users(visit: Visit) -> Answer:
    """Everyone who may sign in."""
    done = visit.query.get("done")
    return _list(visit, done=done if done in _DONE else "")


@page("/users/add", role="admin", method="POST", lane="sign_in")
def add(visit: Visit) -> Answer:
    """Add a user with a first password."""

    def change() -> str:
        name, role = as_name(visit.form.get("name")), _role(visit)
        password_hash = _new_password(visit, name)
        with writing(visit.place.database) as connection:
            add_user(connection, name, role, password_hash)
        return "added"

    return _changed(visit, change)


@page("/users/role", role="admin", method="POST")
def change_role(visit: Visit) -> Answer:
    """Give another user another role."""

    def change() -> str:
        name, role = _another(visit), _role(visit)
        with writing(visit.place.database) as connection:
            set_role(connection, name, role)
        return "role"

    return _changed(visit, change)


@page("/users/reset", role="admin", method="POST", lane="sign_in")
def reset(visit: Visit) -> Answer:
    """Give another user another password, and let the user try at once."""

    def change() -> str:
        name = _another(visit)
        with visit.place.database.connect() as connection:
            name = read_user(connection, name).name
        password_hash = _new_password(visit, name)
        with writing(visit.place.database) as connection:
            set_password(connection, name, password_hash)
            forget_failures(connection, open_key(visit.place.folder, connection).secret, name)
        return "password"

    return _changed(visit, change)


@page("/users/remove", role="admin", method="POST")
def remove(visit: Visit) -> Answer:
    """Keep another user from signing in."""

    def change() -> str:
        with writing(visit.place.database) as connection:
            disable_user(connection, _another(visit))
        return "removed"

    return _changed(visit, change)


def _changed(visit: Visit, change: Callable[[], str]) -> Answer:
    try:
        done = change()
    except UserRefused as error:
        return _list(visit, 422, refused=refusal_sentence(visit, error))
    return visit.go_to(f"/users?done={done}")


def _list(visit: Visit, status: int = 200, *, refused: str = "", done: str = "") -> Answer:
    with visit.place.database.connect() as connection:
        found = [user for user in list_users(connection) if user.disabled_at is None]
    return visit.render("users.html.jinja", status, users=found, roles=ROLES, refused=refused, done=done)


def _another(visit: Visit) -> str:
    """The user that a form names. Raises `UserRefused` if it is whoever asks."""
    name = visit.form.get("name")
    if folded(name) == folded(visit.person.name):
        raise UserRefused("own_role", "Nobody changes their own role.", "Ask another admin.")
    return name


def _role(visit: Visit) -> Role:
    for role in ROLES:
        if role == visit.form.get("role"):
            return role
    raise UserRefused("role", "There is no such role.", f"Roles: {', '.join(ROLES)}")


def _new_password(visit: Visit, name: str) -> str:
    password = visit.form.get("password")
    require_same(password, visit.form.get("again"))
    require_fit(password, name)
    return hash_password(password)
