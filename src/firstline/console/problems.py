"""Errors as pages: a sentence, the next step, the id of the request. Never a stack trace."""

import logging

from litestar.exceptions import HTTPException

from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import FirstlineError, RequestError, WorkspaceBusy

_log = logging.getLogger("firstline.console")
_BY_STATUS: dict[int, tuple[str, str]] = {
    404: (later("There is no such page."), later("Go to the start and choose from the menu.")),
    405: (later("This page cannot be used like that."), later("Go to the start and choose from the menu.")),
    413: (
        later("What you sent is too large."),
        later("Split the file, or import it with the command: firstline import FILE"),
    ),
}
_OTHER = (later("The request is not understood."), later("Go back, load the page again, and repeat what you did."))
_BUSY = (later("Another command is writing to the workspace."), later("Try again when it has finished."))
_UNUSABLE = (
    later("The workspace cannot be used now."),
    later("Tell the id below to whoever looks after this machine; the log says why."),
)
_FAILED = (
    later("The console failed on this request."),
    later("Try again. If it fails again, tell the id below to whoever looks after this machine; the log says more."),
)


def problem_answer(visit: Visit, error: FirstlineError) -> Answer:
    """The page for something that Firstline raised on purpose.

    What it says is shown if it was raised for a request. Other errors name paths and settings, which are for the log.
    """
    if isinstance(error, RequestError):
        headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
        return _answer(visit, error.status, error.message, error.next_step, headers)
    _log.error("Request %s failed: %s", visit.request_id, error.message)
    if isinstance(error, WorkspaceBusy):
        return _answer(visit, 503, *_BUSY, {"Retry-After": "30"})
    return _answer(visit, 503, *_UNUSABLE, {})


def http_answer(visit: Visit, error: HTTPException) -> Answer:
    """The page for a request that the framework refuses: an unknown address, a body that is too large."""
    if error.status_code >= 500:
        return unforeseen(visit, error)
    message, next_step = _BY_STATUS.get(error.status_code, _OTHER)
    allow = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return _answer(visit, error.status_code, message, next_step, allow)


def unforeseen(visit: Visit, error: Exception) -> Answer:
    """The page for a bug. The caller has logged it."""
    return _answer(visit, 500, *_FAILED, {})


def _answer(visit: Visit, status: int, message: str, next_step: str, headers: dict[str, str]) -> Answer:
    answer = visit.render(
        "problem.html.jinja", status, message=visit.say(message), next_step=visit.say(next_step), code=status
    )
    return Answer(answer.content, status, headers)
