"""Where the work of a command runs: this machine's processes, or a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.output import counted, note

if TYPE_CHECKING:
    from firstline.search.cluster import Cluster
    from firstline.search.workers import Workers
    from firstline.settings import Settings

DaskOption = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT", help="Work on this Dask cluster (docs/search.md). Default: on this machine."
    ),
]


@contextmanager
def workers(settings: "Settings") -> "Iterator[Workers]":
    """Processes on this machine, with the limits of `[search]`."""
    from firstline.processes import n_usable_cores
    from firstline.search.workers import Limits, Workers, memory_share

    n_workers = settings.search.workers or n_usable_cores()
    memory_bytes = int(1e9 * settings.search.memory_gb) or memory_share(n_workers)
    with Workers(Limits(60 * settings.search.evaluation_minutes, memory_bytes), n_workers) as here:
        yield here


@contextmanager
def cluster(address: str, settings: "Settings", is_timed: bool) -> "Iterator[Cluster]":
    """The workers of a cluster, with the limits of `[search]`; the time limit applies only if `is_timed`.

    Raises `ExtraMissing` if Dask or pebble is not installed, and what `Cluster` raises.
    """
    from importlib.util import find_spec

    from firstline.errors import ExtraMissing

    if not (find_spec("distributed") and find_spec("pebble")):
        raise ExtraMissing("Working on a cluster", "search")
    from firstline.search.cluster import Cluster
    from firstline.search.workers import Limits

    seconds = 60 * settings.search.evaluation_minutes if is_timed else None
    with Cluster(address, Limits(seconds, int(1e9 * settings.search.memory_gb) or None)) as found:
        note(f"using {counted(found.n_workers, 'worker')} at {address}")
        yield found
