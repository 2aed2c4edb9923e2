"""What a page gets and gives back: one request of one person, and its answer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from litestar.datastructures import Cookie
from markupsafe import Markup

from firstline.console.rendering import render, translated
from firstline.console.words import Language
from firstline.store.users import Role, has_role
from firstline.store.workspace import Workspace

if TYPE_CHECKING:
    from firstline.console.console import Console
    from firstline.console.uploads import Upload

CSRF_FIELD = "csrf"


@dataclass(frozen=True)
class Person:
    """Who asks. `role` is what it was when the request came."""

    id: int
    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the person has this role or a higher one."""
        return has_role(self.role, role)


class Fields:
    """What a form or a query holds: names with one value or several."""

    def __init__(self, values: Mapping[str, list[str]] | None = None) -> None:
        self._values = values or {}

    def get(self, name: str) -> str:
        """The first value; empty if there is none."""
        return next(iter(self._values.get(name, ())), "")

    def all(self, name: str) -> list[str]:
        """All values, such as those of checkboxes."""
        return list(self._values.get(name, ()))


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[Cookie, ...] = ()
    media_type: str = "text/html"
    """Text is in UTF-8."""
    parts: Iterator[bytes] | None = None
    """What follows `content`, made while it is sent."""
    error: str = ""
    """A code for the log, with which it also names the client's address: somebody may be guessing."""

    def with_cookies(self, *cookies: Cookie) -> "Answer":
        """The same answer that also sets cookies."""
        return replace(self, cookies=(*self.cookies, *cookies))


@dataclass(frozen=True)
class Delayed:
    """An answer that has to wait `delay_s`; then `run` gives it."""

    delay_s: float
    run: "Callable[[], Answer]"


@dataclass(frozen=True)
class Visit:
    """One request. `who` is None only on pages that need no role.

    `parameters` are the parts of the path in braces. `form` is empty unless it is a POST, `upload` is None unless the
    page takes a file. `address` is the client's, empty if a proxy hides it.
    """

    console: "Console"
    path: str
    language: Language
    who: Person | None
    csrf: str
    request_id: str
    session_token: str
    address: str = ""
    is_secure: bool = False
    is_htmx: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    query: Fields = field(default_factory=Fields)
    form: Fields = field(default_factory=Fields)
    upload: "Upload | None" = None

    @property
    def place(self) -> Workspace:
        """The workspace, with the settings of the console's start."""
        return self.console.place

    @property
    def person(self) -> Person:
        """Who asks, on a page that needs a role."""
        if self.who is None:
            raise LookupError("Nobody has signed in: the page has no role.")
        return self.who

    def render(self, template: str, status: int = 200, **values: Any) -> Answer:
        """A page from a template, which extends `base.html.jinja`."""
        frame = {
            "visit": self,
            "who": self.who,
            "workspace": self.console.name,
            "menu": self.console.menu(self.who),
            "csrf": Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, self.csrf),
        }
        return Answer(render(template, self.language, {**frame, **values}), status)

    def go_to(self, address: str) -> Answer:
        """Send the browser to another page of the console, after a form that changed something."""
        return Answer(status=303, headers={"Location": address})

    def say(self, sentence: str) -> str:
        """A sentence marked with `later` in the language of the visit."""
        return translated(sentence, self.language)
