"""One process that serves."""

import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.entrance import Entrance, certificate_of
from firstline.serving.front import Front
from firstline.serving.limits import ConnectionLimits
from firstline.serving.log import log_to_stderr
from firstline.serving.looking import Looking
from firstline.serving.server import Server
from firstline.serving.service import Service
from firstline.serving.source import Source
from firstline.serving.watching import Watcher

_SWITCH_INTERVAL_S = 0.0005  # so that a single message does not wait for a batch in another thread
_log = logging.getLogger("firstline.serving")


def serve(
    source: Source,
    listener: socket.socket,
    on_loaded: Callable[[Predictor], None],
    entrance: Entrance = Entrance(),  # noqa: B008 (it is frozen)
) -> None:
    """Serve until a signal ends it. `on_loaded` is called with the model before the first request is answered.

    Raises `FirstlineError` if the model or the settings cannot be used.
    """
    settings = source.settings().serving
    certificate = certificate_of(source, settings)
    predictor = source.load()
    log_to_stderr()
    keys = entrance.key_ring(source, settings)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    current = Current(Service(predictor, source.models, settings))
    on_loaded(predictor)
    del predictor  # So that a model that is replaced leaves the memory.
    watcher = Watcher(current, source.models, source.load, _watched(source), source.model)
    front = Front(create_app(current), entrance.guard(keys, settings))
    limits = ConnectionLimits.from_settings(settings)
    server = Server(front, limits, watcher.look_now, certificate, settings.proxies)
    looking = Looking([changing.look for changing in (keys, certificate) if changing is not None])
    watcher.start()
    looking.start()
    try:
        server.run(sockets=[listener])
    finally:
        looking.stop()
        watcher.stop()


def _watched(source: Source) -> tuple[Path, ...]:
    return () if source.settings_file is None else (source.settings_file,)
