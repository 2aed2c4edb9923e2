"""What forms about models share: the lock, and refusals in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager

from firstline.bundle.registry import champion_id
from firstline.console.visit import Visit
from firstline.console.words import later
from firstline.errors import BundleError, RequestError, WorkspaceBusy
from firstline.messages.importing import masker

_LONGEST_REASON = 1_000


@contextmanager
def deciding(visit: Visit, command: str) -> Iterator[str]:
    """Hold the lock of the models; yields the champion, empty if there is none.

    Raises `RequestError` if a training or another person has the lock, or if the champion is no longer the one that
    the form names in `champion`.
    """
    try:
        with visit.place.hold("models", command):
            champion = champion_or_none(visit) or ""
            yield champion
    except WorkspaceBusy:
        raise RequestError(
            "models_busy",
            later("A training, or somebody else, is changing the models now."),
            later("Wait until that is done, or stop the training on the page Models. Then try again."),
            status=409,
        ) from None


def require_fresh(visit: Visit, champion: str) -> None:
    """Raises `RequestError` if the form was made when another model was in use."""
    if visit.form.get("champion") != champion:
        raise stale()


def stale() -> RequestError:
    """The refusal of a form that was overtaken."""
    return RequestError(
        "stale",
        later("Something has changed since the page was loaded, so nothing was done."),
        later("Load the page again, look at what is new, and decide again."),
        status=409,
    )


def champion_or_none(visit: Visit) -> str | None:
    """The champion; None without one, or if `champion.json` cannot be read."""
    try:
        return champion_id(visit.place.models)
    except BundleError:
        return None


def reason_of(visit: Visit) -> str:
    """The reason that a form gives, masked."""
    given = " ".join(visit.form.get("why")[:_LONGEST_REASON].split())
    return masker(visit.place.settings)(given) if given else ""
