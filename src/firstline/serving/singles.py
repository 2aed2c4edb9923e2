"""Single messages, answered in the event loop: a thread would cost more than the answer of a fast model.

Messages that arrived together are predicted together, which halves the time of a fast model. Between two such groups
the loop does everything else, so health waits for one group at most.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from firstline.errors import RequestError
from firstline.serving.current import Current
from firstline.serving.exchange import Exchange
from firstline.serving.schemas import Answer, ClassifyRequest
from firstline.serving.service import Service

_MOST_TOGETHER = 16
_GROUP_S = 0.005
"""How long a group may take, by what the last ones took; a group has at least one message."""
_MEMORY = 0.1
"""How much the newest group changes the measured times (exponential moving average)."""
_RETRY_AFTER_S = 1


@dataclass(slots=True)
class _Waiting:
    request: ClassifyRequest
    answer: asyncio.Future[Answer]
    exchange: Exchange | None
    since: float

    @property
    def is_given_up(self) -> bool:
        return self.answer.done() or (self.exchange is not None and self.exchange.is_gone)


class Singles:
    """A queue of single messages. It belongs to one event loop.

    A message is refused if those before it would keep it waiting too long (`serving.max_wait_ms`), measured by the
    pace of the last answers.
    """

    def __init__(self, current: Current) -> None:
        self._current = current
        self._queue: deque[_Waiting] = deque()
        self._is_due = False
        self._group_began = 0.0
        self._pace_s = self._compute_s = 0.0
        """Seconds from one answer to the next while messages wait, everything included; seconds of one prediction."""

    @property
    def n_waiting(self) -> int:
        """Messages that wait for their turn."""
        return len(self._queue)

    async def answer(self, request: ClassifyRequest, exchange: Exchange | None = None) -> Answer:
        """The answer to a message.

        Raises `RequestError` if it would wait too long (503), or has (503), and as `Service.classify` does.
        """
        limit_s = self._current.service.limits.max_wait_ms / 1000
        if len(self._queue) * self._pace_s > limit_s:
            raise _busy(f"{len(self._queue):,} messages are waiting already.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request, loop.create_future(), exchange, time.perf_counter())
        self._queue.append(waiting)
        if not self._is_due:
            self._is_due = True
            self._group_began = waiting.since
            # After everything else that this turn of the loop has received.
            loop.call_soon(self._answer_group)
        return await waiting.answer

    def _answer_group(self) -> None:
        began = time.perf_counter()
        service = self._current.service
        group = self._next_group(service, began)
        for waiting, answer in zip(group, service.classify_all([item.request for item in group]), strict=True):
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)
        if group:
            now = time.perf_counter()
            self._compute_s = _newer(self._compute_s, (now - began) / len(group))
            self._pace_s = _newer(self._pace_s, (now - self._group_began) / len(group))
        self._is_due = bool(self._queue)
        if self._is_due:
            self._group_began = time.perf_counter()
            asyncio.get_running_loop().call_soon(self._answer_group)

    def _next_group(self, service: Service, now: float) -> list[_Waiting]:
        size = min(max(int(_GROUP_S / self._compute_s), 1), _MOST_TOGETHER) if self._compute_s else 1
        limit_s = service.limits.max_wait_ms / 1000
        group: list[_Waiting] = []
        while self._queue and len(group) < size:
            waiting = self._queue.popleft()
            if waiting.is_given_up:
                continue
            if now - waiting.since > limit_s:
                waiting.answer.set_exception(_busy("The message has waited too long."))
                continue
            group.append(waiting)
        return group


def _newer(before: float, now: float) -> float:
    return now if not before else before + _MEMORY * (now - before)


def _busy(what: str) -> RequestError:
    return RequestError(
        "busy",
        what,
        f"Send it again after {_RETRY_AFTER_S} second; the limit is serving.max_wait_ms.",
        status=503,
        retry_after_s=_RETRY_AFTER_S,
    )
