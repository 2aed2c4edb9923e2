"""Errors as pages: a sentence, the next step, the id of the request. Never a stack trace."""

from litestar.exceptions import HTTPException

from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import FirstlineError, RequestError, WorkspaceError

_BY_STATUS: dict[int, tuple[str, str]] = {
    404: (later("There is no such page."), later("Go to the start and choose from the menu.")),
    405: (later("This page cannot be used like that."), later("Go to the start and choose from the menu.")),
    413: (
        later("What you sent is too large."),
        later("Split the file, or import it with the command: firstline import FILE"),
    ),
}
_OTHER = (later("The request is not understood."), later("Go back, load the page again, and repeat what you did."))
_FAILED = (
    later("The console failed on this request."),
    later("Try again. If it fails again, tell the id below to whoever looks after this machine; the log says more."),
)


def problem_answer(visit: Visit, error: FirstlineError) -> Answer:
    """The page for something that Firstline raised on purpose."""
    status = error.status if isinstance(error, RequestError) else 503 if isinstance(error, WorkspaceError) else 400
    retry_after_s = error.retry_after_s if isinstance(error, RequestError) else None
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return _answer(visit, status, error.message, error.next_step, headers)


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
