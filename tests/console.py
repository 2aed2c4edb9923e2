"""Using the console as a browser does: cookies, and the secret of the last page in each form."""

import re
from pathlib import Path
from typing import Any

import httpx

from firstline.console.passwords import hash_password
from firstline.store.database import writing
from firstline.store.users import Role, User, add_user
from firstline.store.workspace import Workspace

PASSWORD = "correct horse battery"


class Browser:
    """One browser. `last` is the page that it shows."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.last: httpx.Response | None = None

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Open a page; redirects are not followed."""
        return self._shown(self.client.get(path, follow_redirects=False, **options))

    def post(self, path: str, fields: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        """Send a form of the last page, with its secret."""
        data = {"csrf": self.secret, **(fields or {})}
        return self._shown(self.client.post(path, data=data, follow_redirects=False, **options))

    def sign_in(self, name: str, password: str = PASSWORD, **options: Any) -> httpx.Response:
        """Fill in the form of the sign-in."""
        self.get("/sign-in")
        return self.post("/sign-in", {"name": name, "password": password}, **options)

    def upload(self, name: str, content: bytes) -> httpx.Response:
        """Choose a file on the page that imports, and send it."""
        self.get("/import")
        done = self.client.post(
            "/import", data={"csrf": self.secret}, files={"file": (name, content)}, follow_redirects=False
        )
        return self._shown(done)

    @property
    def secret(self) -> str:
        """The secret of the forms on the last page; empty if it has none."""
        found = re.search(r'name="csrf" value="([^"]*)"', self.last.text if self.last is not None else "")
        return found[1] if found else ""

    @property
    def token(self) -> str:
        """The token of the session; empty if there is none."""
        return next((cookie.value or "" for cookie in self.client.cookies.jar if "-session-" in cookie.name), "")

    def _shown(self, page: httpx.Response) -> httpx.Response:
        if page.headers.get("content-type", "").startswith("text/html") and page.text:
            self.last = page
        return page


def with_user(place: Workspace, name: str, role: Role) -> User:
    """Add a user whose password is `PASSWORD`."""
    with writing(place.database) as connection:
        return add_user(connection, name, role, hash_password(PASSWORD))


def left_in(folder: Path) -> list[str]:
    """The files of a workspace's temporary folder, without locks."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
