"""`firstline serve`."""

import socket
from contextlib import suppress
from typing import Annotated

import typer

from firstline.cli.loading import load_predictor
from firstline.cli.options import ModelOption, WorkspaceOption
from firstline.cli.output import note
from firstline.cli.promising import routing

_LEAST_OPEN_PORT = 1_024
_PORTS_TRIED = 100
_SWITCH_INTERVAL_S = 0.0005  # so that a single message does not wait for a batch in another thread


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8080,
    model: ModelOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Answer over HTTP: POST /v1/classify. Ctrl-C or SIGTERM ends it, after open requests, within 10 seconds."""
    import sys

    from firstline.serving.app import create_app, quiet_logging
    from firstline.serving.limits import ConnectionLimits
    from firstline.serving.server import Server
    from firstline.serving.service import Service
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    predictor = load_predictor(place, model)
    quiet_logging()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    application = create_app(Service(predictor, place.models, place.settings.serving))
    with _listen(host, port) as listener:
        address = listener.getsockname()
        shown = f"[{host}]" if ":" in host else host
        note(routing(predictor.decider))
        note(f"Serving {predictor.manifest.id} at http://{shown}:{address[1]} (schema: /schema). Stop with Ctrl-C.")
        Server(application, ConnectionLimits.from_settings(place.settings.serving)).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Clients that connect from now on are answered once the application has started.

    Raises `AddressUnusable` if the address is in use or does not belong to this machine.
    """
    from firstline.errors import AddressUnusable

    listener: socket.socket | None = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        if listener is not None:
            listener.close()
        free = _free_port(host, port)
        raise AddressUnusable(
            f"Cannot listen on {host}, port {port}: {error.strerror or error}.",
            f"Stop the program that uses it, or take a free port: --port {free}" if free else "Name another --host.",
        ) from None
    return listener


def _free_port(host: str, port: int) -> int | None:
    """The next port that is free now; None if this machine has no such address."""
    first = max(port + 1, _LEAST_OPEN_PORT)
    with suppress(OSError):
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        for other in range(first, min(first + _PORTS_TRIED, 65_536)):
            with suppress(OSError), socket.create_server((host, other), family=family):
                return other
    return None
