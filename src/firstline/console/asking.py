"""The way of a request through the console: who asks, whether they may, whether the form is ours, then the page."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from litestar import Request
from litestar.exceptions import HTTPException

from firstline.console.console import Console
from firstline.console.page import Page
from firstline.console.problems import problem_answer, unforeseen
from firstline.console.sessions import new_secret
from firstline.console.uploads import foreign_form, is_secret
from firstline.console.visit import CSRF_FIELD, Answer, Delayed, Fields, Person, Visit
from firstline.console.words import choose_language, later
from firstline.errors import FirstlineError, RequestError
from firstline.serving.exchange import exchange_of

SIGN_IN = "/sign-in"
_CSRF_HEADER = "x-csrf-token"
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 10_000
_MOST_SECRET_CHARS = 100
_SAME_SITE = ("", "same-origin", "none")
_log = logging.getLogger("firstline.console")


@dataclass
class _Progress:
    """How far a request came: an error page shows the menu of whoever asks."""

    visit: Visit


async def ask(page: Page, console: Console, request: Request[Any, Any, Any]) -> Answer:
    """The answer of a page to a request; errors are pages, too. Raises only `HTTPException`."""
    progress = _Progress(visit_of(console, request))
    try:
        return await _ask(page, progress, request)
    except HTTPException:
        raise
    except FirstlineError as error:
        exchange = exchange_of(request.scope)
        if exchange is not None:
            exchange.error = error.code
        return problem_answer(progress.visit, error)
    except Exception as error:
        _log.error("%s %s failed", page.method, page.path, exc_info=error)
        return unforeseen(progress.visit, error)


async def _ask(page: Page, progress: _Progress, request: Request[Any, Any, Any]) -> Answer:
    console = progress.visit.console
    if page.method == "POST" and not is_own_site(request.headers):
        raise foreign_form()
    form = Fields()
    if page.method == "POST" and not page.takes_file:
        form = await _read_form(request)

    def enter() -> Answer | None:
        """Find out who asks. Returns an answer if they may not."""
        console.look_again()
        progress.visit = replace(_signed_in(progress.visit), form=form)
        refused = _refusal(page, progress.visit)
        if refused is None and page.method == "POST" and not page.takes_file:
            _require_secret(progress.visit, request.headers.get(_CSRF_HEADER, ""))
        return refused

    refused = await console.run("pages", enter)
    if refused is not None:
        return refused
    exchange = exchange_of(request.scope)
    if exchange is not None and progress.visit.who is not None:
        exchange.key = f"user {progress.visit.who.id}"
    if page.takes_file:
        progress.visit = await _with_upload(progress.visit, request)
    result = await console.run(page.lane, partial(page.run, progress.visit))
    while isinstance(result, Delayed):
        await console.pause(result.delay_s)
        result = await console.run(page.lane, result.run)
    if exchange is not None and result.error:
        exchange.error = result.error
        exchange.client = progress.visit.address
    return result


def visit_of(console: Console, request: Request[Any, Any, Any]) -> Visit:
    """A request as a page sees it, before it is known who asks."""
    is_secure = request.scope["scheme"] == "https"
    cookies, exchange = request.cookies, exchange_of(request.scope)
    language = choose_language(
        cookies.get(console.cookies.language),
        request.headers.get("accept-language", ""),
        console.place.settings.language,
    )
    client = request.scope.get("client")
    secret = cookies.get(console.cookies.form(is_secure=is_secure), "")
    return Visit(
        console,
        request.scope["path"],
        language,
        who=None,
        csrf=secret if len(secret) <= _MOST_SECRET_CHARS else "",
        request_id=token_hex(8) if exchange is None else exchange.request_id,
        session_token=cookies.get(console.cookies.session(is_secure=is_secure), ""),
        address=str(client[0]) if client else "",
        is_secure=is_secure,
        is_htmx=request.headers.get("hx-request") == "true",
        parameters={name: str(value) for name, value in request.scope.get("path_params", {}).items()},
        query=_fields(request.scope["query_string"]),
    )


def is_own_site(headers: Mapping[str, str]) -> bool:
    """Whether a form comes from a page of the console, as far as the browser says so.

    Ports and names are compared, not schemes: a proxy may end TLS.
    """
    if headers.get("sec-fetch-site", "").lower() not in _SAME_SITE:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def safe_address(address: str) -> str:
    """An address of the console to go to next; the start page for anything that could lead elsewhere."""
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_ours and address.isascii() else "/"


def _signed_in(visit: Visit) -> Visit:
    found = visit.console.sessions.find(visit.session_token)
    if found is None:
        return visit
    return replace(visit, who=Person(found.user_id, found.name, found.role), csrf=found.csrf)


def _refusal(page: Page, visit: Visit) -> Answer | None:
    """The way to the sign-in for who has not signed in. Raises `RequestError` if the role is too low."""
    if page.role is None:
        return None
    if visit.who is None:
        if visit.is_htmx:
            return Answer(status=401, headers={"HX-Redirect": SIGN_IN})
        way_back = f"?next={quote(visit.path)}" if page.method == "GET" and visit.path != "/" else ""
        return visit.go_to(SIGN_IN + way_back)
    if not visit.who.may(page.role):
        raise RequestError(
            "role", later("Your role does not allow this."), later("Ask an admin of the console."), status=403
        )
    return None


def _require_secret(visit: Visit, from_header: str) -> None:
    if not is_secret(visit.form.get(CSRF_FIELD) or from_header, visit.csrf):
        raise foreign_form()


async def _read_form(request: Request[Any, Any, Any]) -> Fields:
    """The fields of a form without a file. Raises `RequestError`, and `HTTPException` if it is too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise RequestError("media_type", later("This is not a form of the console."), "", status=415)
    return _fields(await request.body())


def _fields(content: bytes) -> Fields:
    try:
        return Fields(parse_qs(content.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise RequestError("form_broken", later("The form did not arrive whole."), later("Send it again.")) from None


async def _with_upload(visit: Visit, request: Request[Any, Any, Any]) -> Visit:
    try:
        fields, upload = await visit.console.uploads.receive(
            request.stream(), request.headers.get("content-type", ""), visit.csrf, visit.person.id
        )
    except OSError as error:
        _log.error("An upload cannot be stored: %s", error.strerror)
        raise RequestError(
            "upload_unwritable",
            later("The file cannot be stored in the workspace."),
            later("Check its permissions and the free space, or ask whoever looks after this machine."),
            status=507,
        ) from None
    return replace(visit, form=fields, upload=upload)


def with_form_secret(visit: Visit) -> tuple[Visit, Answer]:
    """The visit with a secret for the forms of somebody who has not signed in, and an answer that stores it."""
    if visit.csrf:
        return visit, Answer()
    visit = replace(visit, csrf=new_secret())
    cookie = visit.console.cookies.set_form(visit.csrf, is_secure=visit.is_secure)
    return visit, Answer(cookies=(cookie,))
