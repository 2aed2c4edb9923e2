"""How a page is declared: `page` before a function that takes a `Visit` and returns an `Answer`.

    @page("/classes", role="lead", menu=later("Classes"))
    def classes(visit: Visit) -> Answer:
        return visit.render("classes.html.jinja", classes=...)

Then add `classes` to `PAGES` in `console/app.py`. Nobody whose role is lower sees the page or its place in the menu.
The function runs in a thread, so it may read the database. Before it runs, the origin and the secret of a POST have
been checked; each form needs `{{ csrf }}`, and htmx sends the secret by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from firstline.console.visit import Answer, Delayed, Visit
from firstline.store.users import Role

Lane: TypeAlias = Literal["pages", "slow", "sign_in"]
"""Which threads run a page: those of most pages, those of work that takes long, or those that check passwords."""
Run: TypeAlias = Callable[[Visit], "Answer | Delayed"]


@dataclass(frozen=True)
class Page:
    """One address and method. Without a `role` anyone may ask, signed in or not."""

    path: str
    run: Run
    role: Role | None
    method: Literal["GET", "POST"] = "GET"
    menu: str = ""
    """The entry in the menu; empty: none."""
    lane: Lane = "pages"
    takes_file: bool = False


def page(
    path: str,
    *,
    role: Role | None,
    method: Literal["GET", "POST"] = "GET",
    menu: str = "",
    lane: Lane = "pages",
    takes_file: bool = False,
) -> Callable[[Run], Page]:
    """Make a page of a function. `path` may have parts in braces, such as `/classes/{id:int}`."""
    return lambda run: Page(path, run, role, method, menu, lane, takes_file)
