"""The demo: a workspace with demo messages, and a user who signs in with a link."""

from importlib.resources import files
from pathlib import Path

from firstline.console.console import SingleUse
from firstline.errors import WorkspaceError
from firstline.messages.into_workspace import ImportRequest, import_into
from firstline.steps import run_to_end
from firstline.store.database import writing
from firstline.store.messages import count_messages
from firstline.store.users import add_user, find_user, set_role
from firstline.store.workspace import Workspace

FOLDER = "firstline-demo"
USER = "demo"
_HISTORY = "history.csv"


def open_demo(folder: Path) -> Workspace:
    """The workspace in `folder`, with the demo messages; both are made if they are missing.

    Raises `WorkspaceError` if the folder cannot be written to.
    """
    place = Workspace.find(folder) if (folder / "firstline.toml").exists() else Workspace.create(folder, "ru")
    with place.database.connect() as connection:
        n_messages = count_messages(connection)
    if not n_messages:
        history = folder / _HISTORY
        try:
            history.write_bytes(files("firstline.messages").joinpath(f"demo/{_HISTORY}").read_bytes())
        except OSError as error:
            raise WorkspaceError(
                f"{history} cannot be written: {error.strerror}.", "Check the permissions and the free space."
            ) from None
        with place.hold("messages", "console"):
            run_to_end(import_into(place, history, ImportRequest()), lambda _: None)
    return place


def demo_link(place: Workspace) -> SingleUse:
    """A link that signs in the user of the demo, an admin without a password. Raises `StoreUnusable`."""
    with writing(place.database) as connection:
        user = find_user(connection, USER)
        if user is None or user.disabled_at is not None:
            user = add_user(connection, USER, "admin", "")
        elif user.role != "admin":
            user = set_role(connection, USER, "admin")
        return SingleUse(user.id)
