"""`firstline worker`."""

import signal
import threading
import time
from typing import Annotated

import typer

from firstline.cli.options import WorkspaceOption
from firstline.cli.output import say


def worker(
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when no job is left that may start, instead of waiting for more.")
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
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        Worker(place, _tell).run(stop, until_idle=until_idle)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(text: str) -> None:
    say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}")
