"""`firstline users` and its verbs."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.commands import Command, Group
from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import next_command, print_json, print_table, say

if TYPE_CHECKING:
    from pathlib import Path

    from firstline.store.users import User
    from firstline.store.workspace import Workspace

app = typer.Typer(cls=Group, help="The users of the console.", invoke_without_command=True)
_Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name; case does not matter.")]
_RoleHelp = "annotator labels; lead also imports and decides about models; admin also manages users."
_Stdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, one line, without a prompt.")
]
_MOST_CHARS = 10_000


@app.callback()
def users(context: typer.Context, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the users of the console."""
    if context.invoked_subcommand is not None:
        context.obj = workspace
        return
    from firstline.store.users import list_users

    with _place(workspace).database.connect() as connection:
        found = list_users(connection)
    if as_json:
        print_json([_as_json(user) for user in found])
    elif not found:
        say(f"There are no users. Make the first: {next_command(workspace, 'users add NAME --role admin')}")
    else:
        rows = [
            (user.name, user.role, f"{user.created_at:%Y-%m-%d}", "removed" if user.disabled_at else "")
            for user in found
        ]
        print_table(("name", "role", "since", "state"), rows)


@app.command(cls=Command)
def add(
    context: typer.Context,
    name: _Name,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help=_RoleHelp)],
    password_stdin: _Stdin = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a user, or enable a removed one again. The password is prompted for twice."""
    from firstline.store.database import writing
    from firstline.store.users import add_user, as_name, as_role

    wanted, plain = as_role(role), as_name(name)
    place = _place(workspace or context.obj)
    password_hash = _new_password(plain, from_stdin=password_stdin)
    with writing(place.database) as connection:
        added = add_user(connection, plain, wanted, password_hash)
    _tell(added, f"{added.name} can sign in as {added.role}.", as_json=as_json)


@app.command(cls=Command)
def role(
    context: typer.Context,
    name: _Name,
    new_role: Annotated[str, typer.Argument(metavar="ROLE", help=_RoleHelp)],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a user another role; the user has to sign in again."""
    from firstline.store.database import writing
    from firstline.store.users import as_role, set_role

    wanted = as_role(new_role)
    with writing(_place(workspace or context.obj).database) as connection:
        changed = set_role(connection, name, wanted)
    _tell(changed, f"{changed.name} is {changed.role} now.", as_json=as_json)


@app.command(cls=Command)
def reset(
    context: typer.Context,
    name: _Name,
    password_stdin: _Stdin = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a user another password, and end a wait after failed sign-ins."""
    from firstline.store.database import writing
    from firstline.store.key import open_key
    from firstline.store.sign_ins import forget_failures
    from firstline.store.users import read_user, set_password

    place = _place(workspace or context.obj)
    with place.database.connect() as connection:
        plain = read_user(connection, name).name
    password_hash = _new_password(plain, from_stdin=password_stdin)
    with writing(place.database) as connection:
        changed = set_password(connection, plain, password_hash)
        forget_failures(connection, open_key(place.folder, connection).secret, plain)
    _tell(changed, f"{changed.name} has another password, and has to sign in again.", as_json=as_json)


@app.command(cls=Command)
def remove(context: typer.Context, name: _Name, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Keep a user from signing in; labels still name the user."""
    from firstline.store.database import writing
    from firstline.store.users import disable_user

    with writing(_place(workspace or context.obj).database) as connection:
        removed = disable_user(connection, name)
    _tell(removed, f"{removed.name} can no longer sign in.", as_json=as_json)


def _place(workspace: "Path | None") -> "Workspace":
    from firstline.store.workspace import Workspace

    return Workspace.find(workspace)


def _new_password(name: str, *, from_stdin: bool) -> str:
    """The hash of a new password. Raises `UserRefused` if it is not fit."""
    from firstline.console.passwords import hash_password, require_fit

    if from_stdin:
        password = sys.stdin.readline(_MOST_CHARS).rstrip("\r\n")
    else:
        password = typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt="Again", err=True)
    require_fit(password, name)
    return hash_password(password)


def _tell(user: "User", sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(user))
    else:
        say(sentence)


def _as_json(user: "User") -> dict[str, object]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "created_at": user.created_at,
        "is_removed": user.disabled_at is not None,
    }
