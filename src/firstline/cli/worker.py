"""`firstline worker`."""

import os
import signal
import threading
import time
from contextlib import suppress
from typing import Annotated

import typer

from firstline.cli.options import WorkspaceOption
from firstline.cli.output import say


def worker(
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when no job is left that may start, instead of waiting for more.")
    ] = False,
    until_input_ends: Annotated[
        bool,
        typer.Option(
            "--until-input-ends",
            help="End when standard input ends: for a program that starts a worker and may be killed.",
        ),
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Run the jobs that wait: retrainings that were asked for or are due by the schedule in firstline.toml.

    Run one as a service. Killed, it goes on where it was.
    """
    from firstline.retraining.worker import Worker
    from firstline.store.workspace import Workspace
    from firstline.training import require_training

    place = Workspace.find(workspace)
    require_training("croniter")
    stop = threading.Event()
    if until_input_ends:
        threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        Worker(place, _tell).run(stop, until_idle=until_idle)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_for_end(stop: threading.Event) -> None:
    # Without a buffer, whose lock a thread that reads would still hold when Python ends.
    with suppress(OSError):
        while os.read(0, 1_024):
            pass
    stop.set()


def _tell(text: str) -> None:
    with suppress(OSError):
        # Whoever reads it may be gone, and then the jobs must still be put back.
        say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}")
