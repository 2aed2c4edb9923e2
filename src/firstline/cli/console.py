"""`firstline console`."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import WorkspaceOption
from firstline.cli.output import next_command, note
from firstline.cli.serve import listen

if TYPE_CHECKING:
    from firstline.console.console import Console, SingleUse
    from firstline.errors import UsageError
    from firstline.store.workspace import Workspace

_WorkerOption = Annotated[
    bool | None,
    typer.Option(
        "--worker/--no-worker",
        help="Run `firstline worker` as well, which suggests classes and trains. Default: with --demo only.",
        show_default=False,
    ),
]


def console(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8090,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Make or open the workspace firstline-demo, and print a link that signs in once."),
    ] = False,
    worker: _WorkerOption = None,
    plain_http: Annotated[
        bool,
        typer.Option("--plain-http", help="Speak HTTP on an address that others reach: behind a proxy that ends TLS."),
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve the pages for people: labels, users, imports. Ctrl-C or SIGTERM ends it within 10 seconds.

    Make the first user with `firstline users add`.
    """
    from firstline.processes import ignore_hangups

    ignore_hangups()
    from firstline.errors import UsageError
    from firstline.store.workspace import Workspace

    if demo and workspace is not None:
        raise UsageError("--demo and --workspace exclude each other.", "Leave one of them out.")
    with listen(host, port) as listener:
        import ipaddress

        is_loopback = ipaddress.ip_address(listener.getsockname()[0]).is_loopback
        if demo and not is_loopback:
            raise UsageError("--demo signs in without a password, so it stays on this machine.", "Leave --host out.")
        place, link = _demo() if demo else (Workspace.find(workspace), None)
        has_tls = bool(place.settings.serving.tls_certificate)
        if not (is_loopback or has_tls or plain_http):
            raise _unprotected(host)
        from firstline.console.running import run_console

        def announce(running: "Console") -> None:
            shown = f"[{host}]" if ":" in host else host
            address = f"{'https' if has_tls else 'http'}://{shown}:{listener.getsockname()[1]}"
            with suppress(OSError):
                if link is not None:
                    note(f"This link signs in once, within 15 minutes: {address}/demo?token={link.token}")
                elif not _has_users(place):
                    command = next_command(workspace, "users add NAME --role admin")
                    note(f"Nobody can sign in yet. Make the first user: {command}")
                note(f"The console of {running.name} is at {address}. Stop with Ctrl-C.")

        has_worker = _wants_worker(worker, demo=demo)
        run_console(place, listener, host, is_loopback=is_loopback, on_ready=announce, link=link, has_worker=has_worker)


def _unprotected(host: str) -> "UsageError":
    from firstline.errors import UsageError

    return UsageError(
        f"Passwords would cross the network unprotected: {host} can be reached from others, without TLS.",
        "Set serving.tls_certificate and serving.tls_key in firstline.toml. Behind a proxy that ends TLS, add"
        " --plain-http.",
    )


def _demo() -> "tuple[Workspace, SingleUse]":
    from firstline.console.demo import FOLDER, demo_link, open_demo

    place = open_demo(Path(FOLDER))
    return place, demo_link(place)


def _wants_worker(said: bool | None, *, demo: bool) -> bool:
    """Whether to run a worker as well. Raises `ExtraMissing` if it was asked for and cannot run here."""
    from firstline.errors import ExtraMissing
    from firstline.training import require_training

    if said is False or not (said or demo):
        return False
    try:
        require_training("croniter")
    except ExtraMissing:
        if said:
            raise
        note("Without the extra train there is no worker: classes are not suggested, and nothing is trained.")
        return False
    return True


def _has_users(place: "Workspace") -> bool:
    from firstline.store.users import list_users

    with place.database.connect() as connection:
        return any(user.disabled_at is None for user in list_users(connection))
