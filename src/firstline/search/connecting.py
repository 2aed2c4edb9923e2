"""Finding a Dask cluster whose workers give the answers that this machine would give."""

import gc
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from distributed import Client

from firstline.errors import MachineDiffers, TrainingError, UsageError
from firstline.training.provenance import check_same, identity

Answer = TypeVar("Answer")
_ADDRESS = re.compile(r"(?:(?:tcp|tls)://)?(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}")
_CONNECT_S = 10
# A server that is no scheduler may take the connection, and never say a word.
_PATIENCE_S = 25
_PAUSE_S = 0.2
_START = "Start one: dask scheduler --host ADDRESS. For tls://, set distributed.comm.tls in Dask's configuration."


def connect(address: str) -> Client:
    """A client of the scheduler at `address`, tcp://host:8786.

    Raises `UsageError` where that is no address, and `TrainingError` where no scheduler answers, it has no workers, or
    one of them is not like this machine.
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(f"'{address}' is no address of a Dask scheduler.", "For example: --dask tcp://10.0.0.1:8786")
    client = _client(address)
    try:
        _check_workers(client, address)
    except BaseException:
        client.close()
        raise
    return client


def _client(address: str) -> Client:
    try:
        return _patiently(lambda: Client(address, timeout=_CONNECT_S, set_as_default=False))
    # Whatever a server that is no scheduler brings about.
    except Exception as error:
        why = "what is there says nothing" if isinstance(error, _Silence) else str(error).rstrip(".")
    # A client that has failed in a way that it does not foresee waits for 20 seconds as it is collected: here, not
    # while the next one is made.
    gc.collect()
    raise TrainingError(f"No Dask scheduler answers at {address}: {why}.", _START)


class _Silence(Exception):
    """Nobody has answered in time."""


def _patiently(ask: Callable[[], Answer]) -> Answer:
    """The answer, waited for so long and no longer. Raises `_Silence`, and what `ask` raises."""
    found: list[Answer] = []
    problems: list[Exception] = []

    def answer() -> None:
        try:
            found.append(ask())
        except Exception as error:
            problems.append(error)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    if found:
        return found[0]
    raise problems[0] if problems else _Silence


def _check_workers(client: Client, address: str) -> None:
    answers = _identities(client)
    if not answers:
        raise TrainingError(
            f"The Dask scheduler at {address} has no workers.",
            f"Start one: dask worker {address} --host ADDRESS --dashboard-address ADDRESS:0 --nthreads 1",
        )
    for worker, answer in answers.items():
        try:
            if isinstance(answer, BaseException):
                raise MachineDiffers(f"{worker} cannot say what it has: {type(answer).__name__}: {answer}")
            check_same(identity(), answer, worker)
        except MachineDiffers as error:
            raise TrainingError(
                f"A worker of the cluster is not like this machine: {error}.",
                "Install the same versions of Python and Firstline there, and start the worker again.",
            ) from None


def _identities(client: Client) -> dict[str, Any]:
    """What each worker has, or the error that came instead.

    A worker that has just ended is counted for a moment longer, so whoever breaks off is asked again.
    """
    deadline = time.monotonic() + _CONNECT_S
    while True:
        try:
            answers: dict[str, Any] = _patiently(lambda: client.run(identity, on_error="return"))
        except _Silence:
            raise TrainingError(
                "A worker of the cluster does not answer.", "End it, or wait until its machine is awake."
            ) from None
        lost = any(isinstance(answer, OSError) for answer in answers.values())
        if not lost or time.monotonic() > deadline:
            return answers
        time.sleep(_PAUSE_S)
