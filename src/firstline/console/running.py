"""The process of the console."""

import socket
import time
from collections.abc import Callable

from firstline.console.app import PAGES, create_app, shielded
from firstline.console.console import Console, SingleUse
from firstline.console.own_worker import OwnWorker
from firstline.serving.access import Guard
from firstline.serving.certificate import Certificate
from firstline.serving.exchange import Exchange
from firstline.serving.front import Front
from firstline.serving.limits import ConnectionLimits
from firstline.serving.log import log_to_stderr
from firstline.serving.looking import Looking
from firstline.serving.routes import OTHER
from firstline.serving.server import Server
from firstline.settings.model import ServingSettings
from firstline.store.workspace import Workspace

_BODY_TIMEOUT_S = 600.0
"""For uploads, which take longer than what the service is sent."""
_UPLOADS_AT_ONCE = 4
_ROUTES = frozenset(one.path for one in PAGES) | {"/health/live"}


def run_console(
    place: Workspace,
    listener: socket.socket,
    host: str,
    *,
    is_loopback: bool,
    on_ready: Callable[[Console], None],
    link: SingleUse | None = None,
    has_worker: bool = False,
) -> None:
    """Answer until a signal ends it. `has_worker`: with a worker in a process of its own.

    Raises `FirstlineError` if the workspace or the settings cannot be used.
    """
    settings = place.settings.serving
    certificate = certificate_of(place)
    # Now, so that a missing server or an old schema is told at the start.
    place.keep_connections()
    limits = _limits(settings, place.settings.console.max_upload_bytes)
    log = log_to_stderr(settings.log)
    console = Console(place, PAGES, listener.getsockname()[1], link)
    console.has_own_worker = has_worker
    looking = Looking([] if certificate is None else [certificate.look])
    worker = OwnWorker(place.folder) if has_worker else None

    def observe(exchange: Exchange) -> None:
        log.observe(exchange, time.perf_counter() - exchange.began)

    def end() -> None:
        looking.stop()
        if worker is not None:
            worker.stop()
        console.close()
        log.close()

    front = Front(
        shielded(create_app(console)),
        Guard(None, settings.hosts, host if is_loopback else ""),
        observe,
        route_of=_route_of,
    )
    server = Server(front, limits, on_end=end, certificate=certificate, proxies=settings.proxies)
    looking.start()
    if worker is not None:
        worker.start()
    on_ready(console)
    server.run(sockets=[listener])


def certificate_of(place: Workspace) -> Certificate | None:
    """The certificate of `[serving]`; None without TLS. Raises `CertificateUnusable`."""
    settings = place.settings.serving
    if not settings.tls_certificate:
        return None
    return Certificate(place.folder / settings.tls_certificate, place.folder / settings.tls_key)


def _limits(settings: ServingSettings, max_upload_bytes: int) -> ConnectionLimits:
    limits = ConnectionLimits.from_settings(settings)
    limits.body_timeout_s = max(settings.body_timeout_s, _BODY_TIMEOUT_S)
    limits.bodies_bytes = max(limits.bodies_bytes, _UPLOADS_AT_ONCE * max_upload_bytes)
    return limits


def _route_of(path: str) -> str:
    """A page's address for the log, without what a client may put into it."""
    return path if path in _ROUTES else "/static/" if path.startswith("/static/") else OTHER
