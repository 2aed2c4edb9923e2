"""Single messages, answered in the event loop: a thread would cost more than the answer of a fast model.

Messages that arrived together are predicted together, which halves the time of a fast model. Between two such groups
the loop does everything else, so health waits for one group at most.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from firstline.errors import RequestError
from firstline.serving.batches import client_gone
from firstline.serving.current import Current
from firstline.serving.exchange import Exchange
from firstline.serving.schemas import Answer, ClassifyRequest

_MOST_TOGETHER = 16
_GROUP_S = 0.005
_MEMORY = 0.1
"""How much the newest group changes the measured time (exponential moving average)."""
_RETRY_AFTER_S = 1


@dataclass(slots=True)
class _Waiting:
    request: ClassifyRequest
    answer: asyncio.Future[Answer]
    exchange: Exchange | None
    since: float

    @property
    def request_id(self) -> str:
        return self.exchange.request_id if self.exchange is not None else ""

    def settle(self, answer: Answer | Exception) -> None:
        """Hand over the answer, unless the request was cancelled meanwhile."""
        if self.answer.done():
            return
        if isinstance(answer, StopIteration):  # A future takes any other exception.
            answer = RuntimeError("StopIteration")
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Singles:
    """A queue of single messages. It belongs to one event loop.

    A message that has waited longer than `serving.max_wait_ms` is refused, and so are new ones while the first in the
    queue has. An answer that comes too late helps nobody, and takes the time of one that would not. A group has as
    many messages as fit into `group_s` seconds, by what the last groups took, and at least one.
    """

    def __init__(self, current: Current, group_s: float = _GROUP_S) -> None:
        self._current = current
        self._group_s = group_s
        self._queue: deque[_Waiting] = deque()
        self._is_due = False
        self._message_s = 0.0
        """Seconds that one message of the last groups took; 0 before the first."""

    @property
    def n_waiting(self) -> int:
        """Messages that wait for their turn."""
        return len(self._queue)

    async def answer(self, request: ClassifyRequest, exchange: Exchange | None = None) -> Answer:
        """The answer to a message.

        Raises `RequestError` if it would wait too long (503), or has (503), and as `Service.classify` does.
        """
        now = time.perf_counter()
        if self._queue and now - self._queue[0].since > self._limit_s:
            raise _busy(f"{len(self._queue):,} messages are waiting already.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request, loop.create_future(), exchange, now)
        self._queue.append(waiting)
        if not self._is_due:
            self._is_due = True
            # After everything else that this turn of the loop has received.
            loop.call_soon(self._answer_group)
        return await waiting.answer

    def _answer_group(self) -> None:
        began = time.perf_counter()
        group = self._next_group(began)
        try:
            for waiting, answer in zip(group, self._answers_to(group), strict=True):
                waiting.settle(answer)
        finally:
            # Whatever happens here, the next group has its turn.
            self._is_due = bool(self._queue)
            if self._is_due:
                asyncio.get_running_loop().call_soon(self._answer_group)
        if group:
            taken_s = (time.perf_counter() - began) / len(group)
            self._message_s += (taken_s - self._message_s) * (_MEMORY if self._message_s else 1)

    def _answers_to(self, group: Sequence[_Waiting]) -> Sequence[Answer | Exception]:
        if not group:
            return []
        try:
            return self._current.service.classify_all(
                [waiting.request for waiting in group], [waiting.request_id for waiting in group]
            )
        except Exception as error:
            # Nobody else would tell those who wait.
            return [error] * len(group)

    @property
    def _limit_s(self) -> float:
        return self._current.service.limits.max_wait_ms / 1000

    def _next_group(self, now: float) -> list[_Waiting]:
        size = min(max(int(self._group_s / self._message_s), 1), _MOST_TOGETHER) if self._message_s else 1
        group: list[_Waiting] = []
        while self._queue and len(group) < size:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue  # It was cancelled.
            if waiting.exchange is not None and waiting.exchange.is_gone:
                waiting.settle(client_gone())
            elif now - waiting.since > self._limit_s:
                waiting.settle(_busy("The message has waited too long."))
            else:
                group.append(waiting)
        return group


def _busy(what: str) -> RequestError:
    return RequestError(
        "busy",
        what,
        f"Send it again after {_RETRY_AFTER_S} second; the limit is serving.max_wait_ms.",
        status=503,
        retry_after_s=_RETRY_AFTER_S,
    )
