"""Finding a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Client

from firstline.errors import TrainingError

_CONNECT_S = 10


def connect(address: str) -> Client:
    """A client of the scheduler at `address`, tcp://host:8786.

    Raises `TrainingError` where no scheduler answers, or it has no workers.
    """
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise TrainingError(f"No Dask scheduler answers at {address}: {error}.", "Start one: dask scheduler") from None
    if not client.nthreads():
        client.close()
        raise TrainingError(f"The Dask scheduler at {address} has no workers.", f"Start one: dask worker {address}")
    return client


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """`connect`, closed in the end."""
    client = connect(address)
    try:
        yield client
    finally:
        client.close()
