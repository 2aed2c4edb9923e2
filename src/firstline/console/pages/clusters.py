"""Many at once: a group of alike messages, a class for all of them, and rows that can be unticked.

The form names each message that was on the page, and each that is ticked: nothing else is labelled. Only messages that
are still leased to the sender are, and the page says which are not.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean, pstdev
from urllib.parse import quote

from sqlalchemy import Connection

from firstline.console.cards import pieces
from firstline.console.page import page
from firstline.console.queue import ask_for_queue
from firstline.console.today import midnight
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import LeaseLost, RequestError
from firstline.store.clusters import (
    FEWEST_ROWS,
    MOST_ROWS,
    Done,
    Member,
    Shown,
    done_at,
    keep_leases,
    label_together,
    last_together,
    lease_cluster,
    skip_together,
    texts_of,
    undo_together,
)
from firstline.store.database import writing_rows
from firstline.store.labelling import ClassInUse, classes_in_use, count_given_since, examples_of
from firstline.types import Label

_EXAMPLES = 3
_LARGEST_ID = 2**31 - 1
_MOST_DIGITS = 10
_MOST_TIME_CHARS = 40


@dataclass(frozen=True)
class Row:
    """A message of the group. `pieces` are its text in parts, each with whether it is a mask.

    `percent` is how like the others it is.
    """

    message_id: int
    pieces: list[tuple[str, bool]]
    percent: int
    is_ticked: bool


@dataclass(frozen=True)
class Group:
    """What the page shows of a cluster. `far` are the rows that are least like the others; they come last.

    `chosen` is the class that is chosen at first, `percent` how likely it is, if it is the suggested one.
    """

    shown: Shown
    near: list[Row]
    far: list[Row]
    chosen: ClassInUse | None
    percent: int | None
    examples: list[str] = field(default_factory=list)

    @property
    def n_ticked(self) -> int:
        """How many rows are ticked."""
        return sum(row.is_ticked for row in (*self.near, *self.far))


@dataclass(frozen=True)
class _Sent:
    """What a form says: the messages that were on the page, those that are ticked, the class, 0 if none is chosen."""

    shown: list[int]
    ticked: list[int]
    class_id: int
    group_id: int | None

    @property
    def unticked(self) -> list[int]:
        return sorted(set(self.shown) - set(self.ticked))


@page("/clusters", role="annotator", menu=later("Groups"))
def clusters(visit: Visit) -> Answer:
    """The next group. `last` is the time of what was done last, `group` the id of a group that is to come first."""
    return _page(visit, last=_time(visit.query.get("last")), wanted=_id(visit.query.get("group")))


@page("/clusters/give", role="annotator", method="POST")
def give(visit: Visit) -> Answer:
    """Label the ticked rows. If some were lost, the page says which."""
    sent = _sent(visit)
    if not sent.class_id:
        return _page(visit, 422, problem=later("Choose a class first."), sent=sent)
    if not sent.ticked:
        return _page(visit, 422, problem=later("No row is ticked."), sent=sent)
    try:
        with writing_rows(visit.place.database) as connection:
            given = label_together(connection, visit.person.name, sent.class_id, sent.ticked, sent.unticked)
            ask_for_queue(connection)
            lost = texts_of(connection, given.lost)
    except LeaseLost:
        return _page(visit, 409, problem=later("This class is not in use any more. Choose another one."), sent=sent)
    if given.lost:
        return _page(visit, 409, last=given.at if given.saved else None, lost=lost or [""])
    return visit.go_to(_address(given.at))


@page("/clusters/skip", role="annotator", method="POST")
def skip(visit: Visit) -> Answer:
    """Put the group off for half a day."""
    with writing_rows(visit.place.database) as connection:
        at = skip_together(connection, visit.person.name, _sent(visit).shown)
    return visit.go_to(_address(at))


@page("/clusters/undo", role="annotator", method="POST")
def undo(visit: Visit) -> Answer:
    """Take back what was done at one time; the group is there again."""
    at = _time(visit.form.get("at"))
    if at is None:
        raise _not_understood()
    try:
        with writing_rows(visit.place.database) as connection:
            group_id = undo_together(connection, visit.person.name, at)
    except LeaseLost:
        return _page(visit, 409, problem=later("There is nothing to undo: it was undone already, or changed since."))
    return visit.go_to(_address(at, group_id))


@page("/clusters/keep", role="annotator", method="POST")
def keep(visit: Visit) -> Answer:
    """Lengthen the leases of the page that is open; 409 if some of its messages went to somebody else."""
    shown = _sent(visit).shown
    with writing_rows(visit.place.database) as connection:
        kept = keep_leases(connection, visit.person.name, shown)
    status = 200 if kept.issuperset(shown) else 409
    return Answer(json.dumps({"kept": len(kept)}).encode(), status, media_type="application/json")


def _page(
    visit: Visit,
    status: int = 200,
    *,
    last: datetime | None = None,
    wanted: int | None = None,
    problem: str = "",
    lost: Sequence[str] = (),
    sent: _Sent | None = None,
) -> Answer:
    """The page with the next group. `problem` is why a form did nothing; what it `sent` is chosen and ticked again."""
    who = visit.person.name
    with writing_rows(visit.place.database) as connection:
        choices = classes_in_use(connection)
        ask_for_queue(connection)
        shown = lease_cluster(connection, who, wanted if sent is None else sent.group_id)
        group = None if shown is None else _group(connection, shown, choices, sent)
        done = None if last is None else done_at(connection, who, last)
        undo_at = last if done is not None and (done.n_given or done.n_apart) else last_together(connection, who)
        today = count_given_since(connection, who, midnight())
    names = {one.id: one.name for one in choices}
    return visit.render(
        "clusters.html.jinja",
        status,
        group=group,
        classes=choices,
        done=done,
        done_class=_name_of(done, names),
        undo_at=undo_at.isoformat() if undo_at is not None else "",
        problem=visit.say(problem) if problem else "",
        lost=[pieces(text) for text in lost],
        today=today,
    )


def _group(connection: Connection, shown: Shown, choices: Sequence[ClassInUse], sent: _Sent | None) -> Group:
    by_id = {one.id: one for one in choices}
    chosen = by_id.get(sent.class_id if sent is not None else shown.class_id or 0)
    is_suggested = chosen is not None and chosen.id == shown.class_id
    unticked = set(sent.unticked) if sent is not None else set()
    least = _least_alike(shown.members)
    rows = [
        Row(
            one.message_id,
            pieces(one.message.text),
            percent=round(100 * max(0.0, one.similarity)),
            is_ticked=one.message_id not in unticked,
        )
        for one in shown.members
    ]
    return Group(
        shown,
        near=rows[: len(rows) - least],
        far=rows[len(rows) - least :],
        chosen=chosen,
        percent=round(100 * shown.share) if is_suggested and shown.share is not None else None,
        examples=examples_of(connection, chosen.id, _EXAMPLES) if chosen is not None else [],
    )


def _least_alike(members: Sequence[Member]) -> int:
    """How many of the last rows stand apart: those more than one standard deviation below the mean."""
    values = [one.similarity for one in members]
    return sum(value < fmean(values) - pstdev(values) for value in values) if len(values) > FEWEST_ROWS else 0


def _name_of(done: Done | None, names: dict[int, Label]) -> Label:
    return names.get(done.class_id or 0, "") if done is not None else ""


def _sent(visit: Visit) -> _Sent:
    """What the form says. Raises `RequestError` for what the page cannot have sent."""
    shown, ticked = _ids(visit.form.all("shown")), _ids(visit.form.all("message"))
    class_ids = _ids([value for value in visit.form.all("class")[:1] if value])
    if not shown or len(shown) > MOST_ROWS or not set(ticked) <= set(shown):
        raise _not_understood()
    return _Sent(shown, ticked, next(iter(class_ids), 0), _id(visit.form.get("group")))


def _ids(values: Sequence[str]) -> list[int]:
    """The ids in a field, each once. Raises `RequestError` if one is none that the database could hold."""
    found = {_id(value) for value in values}
    if None in found:
        raise _not_understood()
    return sorted(one for one in found if one is not None)


def _id(value: str) -> int | None:
    is_number = value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS
    return int(value) if is_number and 0 < int(value) <= _LARGEST_ID else None


def _time(value: str) -> datetime | None:
    """A time as the page's own addresses have it; None for anything else."""
    try:
        found = datetime.fromisoformat(value[:_MOST_TIME_CHARS])
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def _address(at: datetime, group_id: int | None = None) -> str:
    first = f"&group={group_id}" if group_id is not None else ""
    return f"/clusters?last={quote(at.isoformat())}{first}"


def _not_understood() -> RequestError:
    return RequestError(
        "input",
        later("The request is not understood."),
        later("Go back, load the page again, and repeat what you did."),
        status=400,
    )
