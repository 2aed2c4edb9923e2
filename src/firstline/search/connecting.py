"""Connects to a Dask cluster whose workers would train the same models as this machine."""

import gc
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from distributed import Client

from firstline.errors import MachineDiffers, TrainingError, UsageError
from firstline.search.identity import check_same, identity

Answer = TypeVar("Answer")
_ADDRESS = re.compile(r"(?:(?:tcp|tls)://)?(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}")
_CONNECT_S = 10
# A server that is not a scheduler may accept the connection and never answer.
_PATIENCE_S = 25
_PAUSE_S = 0.2
_START = "Start one: dask scheduler --host ADDRESS. For tls://, set distributed.comm.tls in Dask's configuration."


def connect(address: str) -> Client:
    """A client of the scheduler at `address`, tcp://host:8786.

    Raises `UsageError` if that is not an address, and `TrainingError` if no scheduler answers, if it has no workers, or
    if one of them differs from this machine.
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"'{address}' is not the address of a Dask scheduler.", "For example: --dask tcp://10.0.0.1:8786"
        )
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
    # A server that is not a scheduler may cause any error.
    except Exception as error:
        why = "the server there sends no answer" if isinstance(error, _Silence) else str(error).rstrip(".")
    # A client that has failed in a way that it does not foresee waits for 20 seconds as it is collected: here, not
    # while the next one is made.
    gc.collect()
    raise TrainingError(f"No Dask scheduler answers at {address}: {why}.", _START)


class _Silence(Exception):
    """There was no answer in time."""


def _patiently(ask: Callable[[], Answer]) -> Answer:
    """The answer, if it comes in time. Raises `_Silence`, and what `ask` raises."""
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
                raise MachineDiffers(f"{worker} cannot list its versions: {type(answer).__name__}: {answer}")
            check_same(identity(), answer, worker)
        except MachineDiffers as error:
            raise TrainingError(
                f"A worker of the cluster differs from this machine: {error}.",
                "Install the same versions of Python and Firstline there, and start the worker again.",
            ) from None


def _identities(client: Client) -> dict[str, Any]:
    """The versions of each worker, or the error that came instead.

    The scheduler still counts a worker that has just ended, so a worker that breaks off is asked again.
    """
    deadline = time.monotonic() + _CONNECT_S
    while True:
        try:
            answers: dict[str, Any] = _patiently(lambda: client.run(identity, on_error="return"))
        except _Silence:
            raise TrainingError(
                "A worker of the cluster does not answer.", "Stop it, or wait until its machine is awake."
            ) from None
        lost = any(isinstance(answer, OSError) for answer in answers.values())
        if not lost or time.monotonic() > deadline:
            return answers
        time.sleep(_PAUSE_S)
