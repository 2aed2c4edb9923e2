"""The team's classes: the list, adding one, and many at once from a text."""

from sqlalchemy import Connection

from firstline.console.class_edits import changed, sentence
from firstline.console.class_lines import Planned, plan, read_lines, stamp_of
from firstline.console.class_settings import mean_none, unlisted
from firstline.console.page import page
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import ClassRefused
from firstline.labelling.class_advice import FEW_LABELS
from firstline.labelling.overview import similar_names
from firstline.messages.importing import masker
from firstline.store.class_changes import (
    MOST_DESCRIPTION_CHARS,
    MOST_NAME_CHARS,
    add_class,
    describe_class,
    list_classes,
    name_as_stored,
    require_impersonal,
)
from firstline.store.merges import require_not_merged

_DONE = ("added", "saved")


@page("/classes", role="annotator", menu=later("Classes"))
def classes(visit: Visit) -> Answer:
    """All classes with their labels, those with the most first; retired ones apart."""
    done = visit.query.get("done")
    return _list(visit, done=done if done in _DONE else "")


@page("/classes/add", role="lead", method="POST")
def add(visit: Visit) -> Answer:
    """Add one class; one that is sent twice is added once."""

    def change(connection: Connection) -> str:
        mask = masker(visit.place.settings)
        name, said = name_as_stored(visit.form.get("name")), name_as_stored(mask(visit.form.get("description")))
        same = (one for one in list_classes(connection) if one.name == name and not one.retired_at)
        if not any((one.description or "") == said for one in same):
            require_impersonal(name, mask)
            require_not_merged(connection, name)
            add_class(connection, name, said)
        return "/classes?done=added"

    return changed(visit, change, lambda refused, status: _list(visit, status, refused=refused))


@page("/classes/new", role="lead")
def new(visit: Visit) -> Answer:
    """The form for many classes at once."""
    return _text(visit)


@page("/classes/check", role="lead", method="POST")
def check(visit: Visit) -> Answer:
    """Show what would become of each line. Nothing is saved."""
    return _text(visit)


@page("/classes/save", role="lead", method="POST")
def save(visit: Visit) -> Answer:
    """Save all lines or none, if what would become of them is what the person has seen."""

    def change(connection: Connection) -> str:
        planned = plan(connection, read_lines(visit.form.get("text")), masker(visit.place.settings))
        if any(one.refused for one in planned):
            raise ClassRefused("plan_refused", "Some lines cannot be saved.")
        none = visit.form.get("none")
        if none and none not in {one.line.name for one in planned}:
            raise ClassRefused("none_missing", "The class is not in the text.")
        if any(one.outcome != "stays" for one in planned) and visit.form.get("plan") != stamp_of(planned):
            raise ClassRefused("plan_changed", "What would be saved has changed.")
        for one in planned:
            if one.outcome == "new":
                add_class(connection, one.line.name, one.line.description)
            elif one.outcome == "described":
                describe_class(connection, one.line.name, one.line.description)
        if none:
            mean_none(visit, connection, none, is_none=True)
        return "/classes?done=saved"

    return changed(visit, change, lambda refused, status: _text(visit, status, refused=refused))


def _list(visit: Visit, status: int = 200, *, refused: str = "", done: str = "") -> Answer:
    with visit.place.database.connect() as connection:
        found = list_classes(connection)
    used = [one for one in found if not one.retired_at]
    return visit.render(
        "classes.html.jinja",
        status,
        used=used,
        retired=[one for one in found if one.retired_at],
        none_names=visit.place.none_classes,
        alike=similar_names(one.name for one in used),
        unlisted=unlisted(visit, found),
        few=FEW_LABELS,
        name=visit.form.get("name"),
        description=visit.form.get("description"),
        refused=refused,
        done=done,
        longest=(MOST_NAME_CHARS, MOST_DESCRIPTION_CHARS),
    )


def _text(visit: Visit, status: int = 200, *, refused: str = "") -> Answer:
    """The form with the text that was sent, and what would become of its lines."""
    text, planned = visit.form.get("text"), list[Planned]()
    if text:
        try:
            lines = read_lines(text)
            with visit.place.database.connect() as connection:
                planned = plan(connection, lines, masker(visit.place.settings))
        except ClassRefused as error:
            refused, status = refused or sentence(visit, error), max(status, 422)
    return visit.render(
        "classes_new.html.jinja",
        status,
        text=text,
        planned=[(one, sentence(visit, one.refused) if one.refused else "") for one in planned],
        n_refused=sum(one.outcome == "refused" for one in planned),
        n_new=sum(one.outcome == "new" for one in planned),
        n_described=sum(one.outcome == "described" for one in planned),
        stamp=stamp_of(planned),
        chosen=visit.form.get("none"),
        none_names=sorted(visit.place.none_classes),
        refused=refused,
    )
