"""`firstline serve`."""

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import ModelOption, WorkspaceOption
from firstline.cli.output import note
from firstline.cli.promising import routing

if TYPE_CHECKING:
    from firstline.bundle.predictor import Predictor
    from firstline.serving.entrance import Entrance
    from firstline.serving.source import Source

_LEAST_OPEN_PORT = 1_024
_PORTS_TRIED = 100


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8080,
    model: ModelOption = None,
    models: Annotated[
        Path | None,
        typer.Option(help="A folder of models instead of a workspace; settings come from the environment."),
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, max=256, help="How many processes answer, on one port; each loads the model.")
    ] = 1,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Let anyone ask who reaches the address; API keys are not looked at.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Answer over HTTP: POST /v1/classify. Ctrl-C or SIGTERM ends it, after open requests, within 10 seconds."""
    from firstline.processes import ignore_hangups

    ignore_hangups()
    from firstline.serving.entrance import decide_entrance

    source = _source(workspace, models, model)
    with listen(host, port) as listener:
        entrance = decide_entrance(source, listener, host, processes, without_keys=without_keys)
        if processes == 1:
            _serve(source, listener, entrance)
            return
        from firstline.serving.workers import Workers

        code = Workers(processes, partial(_serve_as_one_of_several, source, listener, entrance)).run()
    if code:
        raise typer.Exit(code)


def _source(workspace: Path | None, models: Path | None, model: str | None) -> "Source":
    from firstline.errors import UsageError
    from firstline.serving.source import Source
    from firstline.store.workspace import Workspace

    if models is None:
        place = Workspace.find(workspace)
        return Source(place.models, place.settings_file, model)
    if workspace is not None:
        raise UsageError("--models and --workspace exclude each other.", "Name one of them.")
    return Source(models, None, model)


def _serve(
    source: "Source", listener: socket.socket, entrance: "Entrance", on_ready: Callable[[], None] = lambda: None
) -> None:
    from firstline.serving.running import serve

    def announce(predictor: "Predictor") -> None:
        scheme = "https" if source.settings().serving.tls_certificate else "http"
        shown = f"[{entrance.host}]" if ":" in entrance.host else entrance.host
        address = f"{scheme}://{shown}:{listener.getsockname()[1]}"
        # A service that starts while the disk is full answers all the same.
        with suppress(OSError):
            for sentence in (*predictor.notes, routing(predictor.decider)):
                note(sentence)
            if entrance.without_keys and not entrance.is_loopback:
                note("There are no API keys: anyone who reaches the address can ask.")
            note(f"Serving {predictor.manifest.id} at {address} (schema: /schema). Stop with Ctrl-C.")
        on_ready()

    serve(source, listener, announce, entrance)


def _serve_as_one_of_several(
    source: "Source", listener: socket.socket, entrance: "Entrance", place: int, on_ready: Callable[[], None]
) -> None:
    """What each process does; the first one says what it serves, and what is wrong."""
    from firstline.cli.output import print_error
    from firstline.errors import FirstlineError
    from firstline.serving.running import serve

    try:
        if place == 0:
            _serve(source, listener, entrance, on_ready)
        else:
            serve(source, listener, lambda _: on_ready(), entrance)
    except FirstlineError as error:
        if place == 0:
            print_error(error.message, error.next_step)
        sys.exit(error.exit_code)


def listen(host: str, port: int) -> socket.socket:
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
