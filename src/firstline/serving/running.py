"""One process that serves."""

import signal
import socket
import sys
import threading
from collections.abc import Callable

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


def serve(
    source: Source,
    listener: socket.socket,
    on_loaded: Callable[[Predictor], None],
    entrance: Entrance = Entrance(),  # noqa: B008 (it is frozen)
) -> None:
    """Serve until a signal ends it. `on_loaded` is called with the model before the first request is answered.

    Raises `FirstlineError` if the model or the settings cannot be used.
    """
    if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # Until the server takes it, it would end the process.
    settings = source.settings().serving
    certificate = certificate_of(source, settings)
    seen = source.signature()
    predictor = source.load()
    log_to_stderr()
    keys = entrance.key_ring(source, settings)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    current = Current(Service(predictor, source.models, settings))
    on_loaded(predictor)
    del predictor  # So that a model that is replaced leaves the memory.
    watcher = Watcher(current, source, seen)
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
