"""One class: what belongs there, examples, and what a lead may change about it."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from firstline.bundle.registry import champion_id
from firstline.console.cards import pieces
from firstline.console.class_edits import changed, sentence
from firstline.console.class_settings import mean_none
from firstline.console.page import page
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import BundleError, ClassRefused, RequestError
from firstline.labelling.class_advice import FEW_LABELS
from firstline.messages.importing import masker
from firstline.store.class_changes import (
    MOST_DESCRIPTION_CHARS,
    MOST_NAME_CHARS,
    ClassOfTeam,
    describe_class,
    id_now,
    list_classes,
    name_as_stored,
    rename_class,
    require_impersonal,
    retire_class,
)
from firstline.store.labelling import ClassInUse, classes_in_use, examples_of
from firstline.store.merges import (
    Merger,
    Separated,
    merge_classes,
    merged_into,
    merger,
    require_not_merged,
    separate_class,
    separation,
)

_DONE = ("changed", "merged", "separated", "retired", "restored", "none", "normal")
_EXAMPLES = 5
_MOST_SHOWN_CHARS = 300
_LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class _Asked:
    """What a person is asked to confirm: merging the class into another, or separating one from it."""

    into: ClassInUse | None = None
    merger: Merger | None = None
    separation: Separated | None = None
    merged_id: int = 0


@page("/classes/{class_id:int}", role="annotator")
def one_class(visit: Visit) -> Answer:
    """A class. With `into` or `separate` in the query, what that would do is shown with a button that does it."""
    class_id = _id(visit.parameters["class_id"])
    with visit.place.database.connect() as connection:
        now = _id_now(connection, class_id)
    if now != class_id:
        return visit.go_to(f"/classes/{now}")
    done = visit.query.get("done")
    return _shown(visit, class_id, done=done if done in _DONE else "")


@page("/classes/{class_id:int}/change", role="lead", method="POST")
def change(visit: Visit) -> Answer:
    """Give the class another name or description."""

    def work(connection: Connection, found: ClassOfTeam) -> str:
        mask = masker(visit.place.settings)
        name, said = name_as_stored(visit.form.get("name")), name_as_stored(mask(visit.form.get("description")))
        before = (found.name, found.description or "")
        if (name, said) == before:
            return f"/classes/{found.id}?done=changed"
        if (visit.form.get("was_name"), visit.form.get("was_description")) != before:
            raise ClassRefused("changed", "The class has changed meanwhile.")
        describe_class(connection, found.name, said)
        if name != found.name:
            require_impersonal(name, mask)
            if name not in found.former_names:
                require_not_merged(connection, name)
            rename_class(connection, found.name, name)
            if found.name in visit.place.none_classes:
                mean_none(visit, connection, name, is_none=True)
        return f"/classes/{found.id}?done=changed"

    return _changed(visit, work)


@page("/classes/{class_id:int}/merge", role="lead", method="POST")
def merge(visit: Visit) -> Answer:
    """Merge the class into another one, which gets its labels."""
    into = _id(visit.form.get("into"))
    place = _id(visit.parameters["class_id"])

    def work(connection: Connection) -> str:
        if id_now(connection, place) == into != place:
            return f"/classes/{into}?done=merged"
        found, other = _found(connection, place), _found(connection, into)
        if (visit.form.get("was_name"), visit.form.get("into_name")) != (found.name, other.name):
            raise ClassRefused("moved", "One of the classes has changed meanwhile.")
        merge_classes(connection, found.name, other.name, visit.person.name)
        return f"/classes/{into}?done=merged"

    return changed(visit, work, lambda refused, status: _shown(visit, place, status, refused=refused))


@page("/classes/{class_id:int}/separate", role="lead", method="POST")
def separate(visit: Visit) -> Answer:
    """Take back that another class was merged into this one."""
    merged_id = _id(visit.form.get("class"))

    def work(connection: Connection, found: ClassOfTeam) -> str:
        if _id_now(connection, merged_id) != merged_id:
            separate_class(connection, merged_id)
        return f"/classes/{_found(connection, merged_id).id}?done=separated"

    return _changed(visit, work)


@page("/classes/{class_id:int}/retire", role="lead", method="POST")
def retire(visit: Visit) -> Answer:
    """Take the class out of use, or into use again."""
    is_back = visit.form.get("back") == "yes"

    def work(connection: Connection, found: ClassOfTeam) -> str:
        if (found.retired_at is None) is not is_back:
            retire_class(connection, found.name, is_back=is_back)
        return f"/classes/{found.id}?done={'restored' if is_back else 'retired'}"

    return _changed(visit, work)


@page("/classes/{class_id:int}/none", role="lead", method="POST")
def none(visit: Visit) -> Answer:
    """Say whether the class means none of the others."""
    is_none = visit.form.get("means") == "none"

    def work(connection: Connection, found: ClassOfTeam) -> str:
        mean_none(visit, connection, found.name, is_none=is_none)
        return f"/classes/{found.id}?done={'none' if is_none else 'normal'}"

    return _changed(visit, work)


def _changed(visit: Visit, work: Callable[[Connection, ClassOfTeam], str]) -> Answer:
    place = _id(visit.parameters["class_id"])
    return changed(
        visit,
        lambda connection: work(connection, _found(connection, place)),
        lambda refused, status: _shown(visit, place, status, refused=refused),
    )


def _shown(visit: Visit, class_id: int, status: int = 200, *, refused: str = "", done: str = "") -> Answer:
    with visit.place.database.connect() as connection:
        found = _found(connection, _id_now(connection, class_id))
        examples = examples_of(connection, found.id, _EXAMPLES)
        others = [one for one in classes_in_use(connection) if one.id != found.id]
        merged = merged_into(connection, found.id)
        asked = _Asked()
        if not refused and visit.person.may("lead"):
            try:
                asked = _asked(visit, connection, found, others)
            except ClassRefused as error:
                refused, status = sentence(visit, error), 422
    typed = visit.form if visit.path.endswith("/change") else None
    return visit.render(
        "class.html.jinja",
        status,
        one=found,
        examples=[pieces(_shortened(text)) for text in examples],
        others=others,
        merged=merged,
        asked=asked,
        is_none=found.name in visit.place.none_classes,
        has_model=_has_model(visit),
        few=FEW_LABELS,
        name=typed.get("name") if typed else found.name,
        description=typed.get("description") if typed else found.description or "",
        refused=refused,
        done=done,
        longest=(MOST_NAME_CHARS, MOST_DESCRIPTION_CHARS),
    )


def _asked(visit: Visit, connection: Connection, found: ClassOfTeam, others: list[ClassInUse]) -> _Asked:
    """What the query asks for. Raises `ClassRefused` if it cannot be done."""
    if visit.query.get("separate"):
        merged_id = _id(visit.query.get("separate"))
        _id_now(connection, merged_id)
        return _Asked(separation=separation(connection, merged_id), merged_id=merged_id)
    if "into" not in visit.query.names:
        return _Asked()
    into = next((one for one in others if str(one.id) == visit.query.get("into")), None)
    if into is None:
        raise ClassRefused("choose", "Choose a class.")
    return _Asked(into, merger(connection, found.name, into.name))


def _found(connection: Connection, class_id: int) -> ClassOfTeam:
    """A class by its id. Raises `RequestError` if there is none, and `ClassRefused` if it is another class now."""
    if _id_now(connection, class_id) != class_id:
        raise ClassRefused("moved", "The class is another one now.")
    return list_classes(connection, class_id)[0]


def _id_now(connection: Connection, class_id: int) -> int:
    """The class that this one is now. Raises `RequestError` if there is none."""
    now = id_now(connection, class_id)
    if now is None:
        raise _missing()
    return now


def _id(text: str) -> int:
    """The id of a class. Raises `RequestError` if there can be none."""
    try:
        found = int(text)
    except ValueError:
        raise _missing() from None
    if not 0 < found <= _LARGEST_ID:
        raise _missing()
    return found


def _missing() -> RequestError:
    return RequestError(
        "class_missing", later("There is no such class."), later("Choose one on the page Classes."), status=404
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN_CHARS else f"{text[:_MOST_SHOWN_CHARS].rstrip()}…"


def _has_model(visit: Visit) -> bool:
    try:
        return champion_id(visit.place.models) is not None
    except BundleError:
        return False
