"""The application: the pages, the files that belong to them, and errors as pages."""

import logging
from collections.abc import Sequence
from itertools import chain
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from litestar.types import ASGIApp

from firstline.console.asking import ask, visit_of
from firstline.console.assets import PREFIX, asset_at
from firstline.console.console import Console
from firstline.console.page import Page
from firstline.console.pages import (
    account,
    agreement,
    classes,
    clusters,
    export,
    frame,
    import_,
    label,
    messages,
    models,
    one_class,
    quality,
    settle,
    start,
    trainings,
    users,
)
from firstline.console.problems import http_answer, unforeseen
from firstline.console.shield import Shield
from firstline.console.visit import Answer

PAGES: tuple[Page, ...] = (
    start.start,
    label.label,
    label.more,
    label.give,
    label.undo,
    label.remark_on,
    label.guide,
    clusters.clusters,
    clusters.give,
    clusters.skip,
    clusters.undo,
    clusters.keep,
    classes.classes,
    classes.add,
    classes.new,
    classes.check,
    classes.save,
    one_class.one_class,
    one_class.change,
    one_class.merge,
    one_class.separate,
    one_class.retire,
    one_class.none,
    agreement.figures,
    settle.case,
    settle.choose,
    settle.undo,
    quality.quality,
    quality.promise,
    quality.report,
    quality.write,
    models.models,
    models.make_champion,
    models.go_back,
    trainings.train,
    trainings.progress,
    trainings.cancel,
    messages.messages,
    messages.find,
    messages.message,
    messages.forget,
    import_.choose,
    import_.upload,
    import_.check,
    import_.check_again,
    import_.run,
    import_.drop,
    export.labels,
    users.users,
    users.add,
    users.change_role,
    users.reset,
    users.remove,
    account.account,
    account.change_password,
    frame.sign_in,
    frame.enter,
    frame.sign_out,
    frame.choose_language,
    frame.demo,
)
"""The menu has those with an entry, in this order."""
CONSOLE = "console"
_MOST_FORM_BYTES = 1_000_000
_MOST_AROUND_A_FILE_BYTES = 100_000
_FOR_GOOD = "public, max-age=31536000, immutable"
_log = logging.getLogger("firstline.console")


def create_app(console: Console, pages: Sequence[Page] = PAGES) -> Litestar:
    """The application without its headers; see `shielded`. Its state holds the console."""
    most_bytes = console.settings.max_upload_bytes + _MOST_AROUND_A_FILE_BYTES
    return Litestar(
        [*(_handler(page, most_bytes if page.takes_file else _MOST_FORM_BYTES) for page in pages), static, live],
        state=State({CONSOLE: console}),
        exception_handlers={HTTPException: _http_error, Exception: _other_error},
        request_max_body_size=_MOST_FORM_BYTES,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def shielded(app: ASGIApp) -> Shield:
    """The application with the headers that every answer needs."""
    return Shield(app)


@get(PREFIX + "{name:str}", sync_to_thread=False)
def static(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A file of the package."""
    asset = asset_at(request.scope["path"])
    if asset is None:
        raise HTTPException(status_code=404)
    headers = {"ETag": asset.etag, "Cache-Control": _FOR_GOOD}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


@get("/health/live", sync_to_thread=False, media_type="text/plain")
def live() -> str:
    """Whether the process answers at all."""
    return "live"


def _http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if error.status_code >= 500:
        _log.error("A request failed", exc_info=error)
    return _response(http_answer(visit_of(request.app.state[CONSOLE], request), error))


def _other_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    _log.error("A request failed", exc_info=error)
    return _response(unforeseen(visit_of(request.app.state[CONSOLE], request), error))


def _handler(page: Page, most_bytes: int) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> Response[Any]:
        return _response(await ask(page, request.app.state[CONSOLE], request))

    if page.method == "GET":
        return get(page.path)(handle)
    return post(page.path, status_code=200, request_max_body_size=most_bytes)(handle)


def _response(answer: Answer) -> Response[Any]:
    if answer.parts is not None:
        return Stream(
            chain([answer.content], answer.parts),
            status_code=answer.status,
            headers=dict(answer.headers),
            cookies=list(answer.cookies),
            media_type=answer.media_type,
        )
    return Response(
        answer.content,
        status_code=answer.status,
        headers=dict(answer.headers),
        cookies=list(answer.cookies),
        media_type=answer.media_type,
    )
