"""Batches and explanations take turns, so that they delay neither single messages nor each other."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
from litestar.types import Receive

from firstline.errors import RequestError
from firstline.serving.current import Current
from firstline.serving.exchange import Exchange
from firstline.serving.schemas import Answer, ClassifyRequest
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from firstline.types import Decision, Label

T = TypeVar("T")
W = TypeVar("W")
M = TypeVar("M", contravariant=True)
G = TypeVar("G", bound="Gathering[Any]")
AT_ONCE = 2
"""The number of batches and explanations computed at the same time; others wait, first come, first served."""
SLICE = 32
"""The number of messages computed in one go; in between, a batch whose client has gone is dropped."""
_RETRY_AFTER_S = 5


class Gathering(Protocol[M]):
    """Answers to a batch, as far as they are computed. Its methods run in a thread of the batches."""

    def add(self, part: Sequence[M], /) -> None:
        """Compute the next slice."""

    def finish(self) -> None:
        """Called after the last slice."""


class Batches:
    """Answers batches in threads of their own. It belongs to one event loop."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="batch")
        self.n_unanswered = 0
        """Batches and explanations that are computed or wait."""

    async def answer(
        self, messages: Sequence[msgspec.Raw], receive: Receive, exchange: Exchange | None = None
    ) -> bytes:
        """`BatchAnswers` in JSON, in the order of the messages; one that cannot be answered gets an error.

        `receive` tells when the client has gone: the rest of its batch is not computed. Raises `RequestError` if the
        batch is too large, if too many wait already (503), or if the client has gone.
        """
        answers = await self.gather(messages, _Answers, receive)
        if exchange is not None:
            answers.tell(exchange)
        return answers.content

    async def gather(self, messages: Sequence[M], gathering: Callable[[Service], G], receive: Receive) -> G:
        """What `gathering` has made of the messages, with one model for all of them.

        Raises `RequestError` as `answer` does, and whatever `gathering` raises.
        """
        refuse_too_many(len(messages), self._current.service.limits)
        return await self._admitted(partial(self._compute, gathering), messages, receive)

    async def explain(self, message: ClassifyRequest, receive: Receive) -> Answer:
        """The answer to one message and why. It waits for its turn, since it costs as much as a slice of a batch.

        Raises `RequestError` as `answer` does, and as `Service.classify` does.
        """
        return await self._admitted(self._explain, message, receive)

    async def _admitted(self, work: Callable[[W], Coroutine[object, object, T]], given: W, receive: Receive) -> T:
        """The result of `work`. Raises `RequestError` if too much waits already, or if the client has gone."""
        limits = self._current.service.limits
        if self.n_unanswered >= AT_ONCE + limits.max_waiting_batches:
            raise RequestError(
                "busy",
                f"{AT_ONCE} batches are being computed, and {limits.max_waiting_batches:,} more are waiting.",
                f"Send it again after {_RETRY_AFTER_S} seconds; the limit is serving.max_waiting_batches.",
                status=503,
                retry_after_s=_RETRY_AFTER_S,
            )
        self.n_unanswered += 1
        try:
            return await _while_connected(work(given), receive)
        finally:
            self.n_unanswered -= 1

    async def _compute(self, gathering: Callable[[Service], G], messages: Sequence[M]) -> G:
        loop = asyncio.get_running_loop()
        async with self._turns:
            # One model for the whole batch, whatever is promoted meanwhile.
            answers = gathering(self._current.service)
            for start in range(0, len(messages), SLICE):
                await loop.run_in_executor(self._threads, answers.add, messages[start : start + SLICE])
            await loop.run_in_executor(self._threads, answers.finish)
        return answers

    async def _explain(self, message: ClassifyRequest) -> Answer:
        async with self._turns:
            explain = partial(self._current.service.classify, message.text, message.segment, explains=True)
            return await asyncio.get_running_loop().run_in_executor(self._threads, explain)


def refuse_too_many(n_messages: int, limits: ServingSettings) -> None:
    """Raises `RequestError` if a batch of this size is too large."""
    if n_messages > limits.max_batch:
        raise RequestError(
            "batch_too_large",
            f"The batch has more than {limits.max_batch:,} messages.",
            "Send them in several requests, or raise serving.max_batch.",
            status=413,
        )


class _Answers:
    """The answers to a batch, as far as they are computed."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._encoded: list[msgspec.Raw] = []
        self._decided: list[tuple[Label, Decision]] = []
        self._n_failed = 0
        self.content = b""
        """`BatchAnswers` in JSON, once it is finished."""

    def add(self, part: Sequence[msgspec.Raw]) -> None:
        for answer in self._service.classify_items(part):
            # Encoded here, in its thread: a thousand answers with a hundred classes each would hold up the others.
            self._encoded.append(msgspec.Raw(msgspec.json.encode(answer)))
            if answer.label is None or answer.decision is None:
                self._n_failed += 1
            else:
                self._decided.append((answer.label, answer.decision))

    def finish(self) -> None:
        self.content = msgspec.json.encode({"model": self._service.model, "results": self._encoded})

    def tell(self, exchange: Exchange) -> None:
        exchange.model = self._service.model
        exchange.answers += self._decided
        exchange.n_failed = self._n_failed


def client_gone() -> RequestError:
    """What a request ends with whose client has closed the connection. Nobody reads it."""
    return RequestError("client_gone", "The client closed the connection before its answer.", "Send it again.")


async def _while_connected(work: Coroutine[object, object, T], receive: Receive) -> T:
    """The result of `work`, which is cancelled once the client has gone. Raises `RequestError` then."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return await working
        raise client_gone()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
