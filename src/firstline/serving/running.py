"""One process that serves."""

import socket
import sys
import time
from collections.abc import Callable

from firstline.bundle.predictor import Predictor
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.entrance import Entrance, certificate_of
from firstline.serving.exchange import Exchange
from firstline.serving.front import Front
from firstline.serving.limits import ConnectionLimits
from firstline.serving.log import Log, log_to_stderr
from firstline.serving.looking import Looking
from firstline.serving.metrics import Metrics
from firstline.serving.recording import Recorder, open_recorder
from firstline.serving.server import Server
from firstline.serving.service import Service
from firstline.serving.source import Source
from firstline.serving.watching import Watcher, tidy_memory

_SWITCH_INTERVAL_S = 0.0005  # so that a single message does not wait for a batch in another thread


def serve(
    source: Source,
    listener: socket.socket,
    on_loaded: Callable[[Predictor], None],
    entrance: Entrance = Entrance(),  # noqa: B008 (it is frozen)
) -> None:
    """Serve until a signal ends it. `on_loaded` is called with the model before the first request is answered.

    Raises `FirstlineError` if the model or the settings cannot be used, or if answers cannot be recorded.
    """
    settings = source.settings().serving
    certificate = certificate_of(source, settings)
    seen = source.signature()
    predictor = source.load()
    recorder = open_recorder(source.folder, settings)
    log = log_to_stderr(settings.log)
    keys = entrance.key_ring(source, settings)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    current = Current(Service(predictor, source.models, settings, recorder))
    on_loaded(predictor)
    del predictor  # So that a model that is replaced leaves the memory.
    limits = ConnectionLimits.from_settings(settings)
    metrics = _metrics(current, limits, log, recorder)
    watcher = Watcher(current, source, seen)
    looking = Looking([changing.look for changing in (keys, certificate) if changing is not None])

    def observe(exchange: Exchange) -> None:
        taken_s = time.perf_counter() - exchange.began
        metrics.observe(exchange, taken_s)
        log.observe(exchange, taken_s)

    def end() -> None:
        looking.stop()
        watcher.stop()
        if recorder is not None:
            recorder.close()
        log.close()

    front = Front(create_app(current, metrics), entrance.guard(keys, settings), observe)
    server = Server(
        front, limits, on_hangup=watcher.look_now, on_end=end, certificate=certificate, proxies=settings.proxies
    )
    tidy_memory()
    watcher.start()
    looking.start()
    server.run(sockets=[listener])


def _metrics(current: Current, limits: ConnectionLimits, log: Log, recorder: Recorder | None) -> Metrics:
    metrics = Metrics(current)
    metrics.count(
        "firstline_refused_connections",
        "Connections refused before the application saw a request.",
        "code",
        lambda: limits.refused,
    )
    metrics.count(
        "firstline_dropped_lines",
        "Lines that could not be written in time.",
        "file",
        lambda: {"log": log.n_dropped, "records": recorder.n_dropped if recorder is not None else 0},
    )
    return metrics
