"""One person with the labelling page open, as `benchmarks.console_load` plays them."""

import asyncio
import json
import random
import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.console import PASSWORD

_ACTIONS = {"give": 0.75, "page": 0.08, "skip": 0.07, "undo": 0.06, "more": 0.04}
_EVERY_S = 1.0
_RETRY_S = 1.0
_CARD = re.compile(r'<template class="card" data-message="(\d+)"')
_CLASS = re.compile(r'<input type="radio" name="class" value="(\d+)">')
Form = dict[str, str]


@dataclass
class Ledger:
    """What was sent and answered. `times_ms` are by request, `held` are acknowledged labels: class by message."""

    times_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[str] = field(default_factory=Counter)
    held: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    unsure: set[int] = field(default_factory=set)
    """Messages whose label was taken back, but the answer was lost: the label may hold or not."""
    n_empty: int = 0
    """How often somebody had no message to label."""


class Client:
    """One person with the labelling page open."""

    def __init__(self, name: str, session: aiohttp.ClientSession, ledger: Ledger, seed: int) -> None:
        self._name = name
        self._session = session
        self._ledger = ledger
        self._random = random.Random(seed)
        self._waiting: list[int] = []
        self._given: list[tuple[int, int]] = []
        self._classes: list[int] = []
        self._csrf = ""

    async def sign_in(self) -> None:
        await self._page("/sign-in")
        form = {"name": self._name, "password": PASSWORD, "csrf": self._csrf}
        async with self._session.post("/sign-in", data=form, allow_redirects=False) as answer:
            assert answer.status == 303, answer.status
        await self._page("/label")

    async def work(self, until: float) -> None:
        """Act once a second until a time of the loop's clock; then wait for the last answer."""
        await asyncio.sleep(self._random.random() * _EVERY_S)
        due = asyncio.get_running_loop().time()
        while due < until:
            await self._act(self._random.choices([*_ACTIONS], [*_ACTIONS.values()])[0])
            due += _EVERY_S
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

    async def _act(self, action: str) -> None:
        if action == "undo" and self._given:
            await self._undo(*self._given.pop())
        elif action == "page":
            await self._page("/label")
        elif action == "more" or not self._waiting:
            self._ledger.n_empty += not self._waiting
            await self._send("/label/more", {})
        elif action == "skip":
            await self._send("/label/remark", {"message": self._waiting.pop(0), "kind": "skip"})
        else:
            await self._give(self._waiting.pop(0), self._random.choice(self._classes))

    async def _give(self, message: int, class_id: int) -> None:
        told = await self._send("/label/give", {"message": message, "class": class_id})
        if told is not None:
            self._ledger.held[self._name][message] = class_id
            self._given.append((message, int(told["label"])))

    async def _undo(self, message: int, label_id: int) -> None:
        n_failed = self._ledger.statuses["no answer"]
        told = await self._send("/label/undo", {"label": label_id})
        if told is not None:
            del self._ledger.held[self._name][message]
        elif self._ledger.statuses["no answer"] > n_failed:
            self._ledger.unsure.add(message)

    async def _page(self, path: str) -> None:
        _, text = await self._asked("GET", path, None)
        found = re.search(r'name="csrf" value="([^"]*)"', text)
        assert found is not None, text[:500]
        self._csrf = found[1]
        self._waiting = [int(one) for one in _CARD.findall(text)]
        in_use = text.partition('<template id="classes">')[2].partition("</template>")[0]
        self._classes = [int(one) for one in _CLASS.findall(in_use)]

    async def _send(self, path: str, fields: dict[str, object]) -> dict[str, Any] | None:
        """What the page is told; None if it is refused."""
        form = {"csrf": self._csrf, **{name: str(value) for name, value in fields.items()}}
        status, text = await self._asked("POST", path, form)
        if status != 200:
            return None
        told: dict[str, Any] = json.loads(text)
        known = set(self._waiting)
        self._waiting += [int(one) for one in _CARD.findall(told["cards"]) if int(one) not in known]
        return told

    async def _asked(self, method: str, path: str, form: Form | None) -> tuple[int, str]:
        """Status and text of the first answer below 500; until then it asks each second, as the page's script does."""
        while True:
            began = time.perf_counter()
            try:
                async with self._session.request(method, path, data=form, allow_redirects=False) as answer:
                    text = await answer.text()
                    self._ledger.times_ms[f"{method} {path}"].append((time.perf_counter() - began) * 1000)
                    self._ledger.statuses[f"{method} {path} {answer.status}"] += 1
                    if answer.status < 500:
                        return answer.status, text
            except (aiohttp.ClientError, OSError):
                self._ledger.statuses["no answer"] += 1
            await asyncio.sleep(_RETRY_S)
