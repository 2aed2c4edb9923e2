"""Turns, slices and clients that leave, with a service that computes when it is told to."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from litestar import Litestar

from firstline.bundle.predictor import Predictor
from firstline.errors import RequestError
from firstline.serving.app import create_app
from firstline.serving.batches import AT_ONCE, SLICE, Batches
from firstline.serving.current import Current
from firstline.serving.schemas import BatchAnswer, BatchAnswers, ClassifyRequest
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle
from tests.service import wait_until

LIMITS = ServingSettings(max_waiting_batches=3)
TIMEOUT_S = 20


class Gated(Service):
    """Answers a slice once the gate is open; notes the first id of each slice, and how many it computes at a time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Predictor.load(folder / make_bundle(folder).id), folder, LIMITS)
        self.gate = threading.Event()
        self.begun: list[str] = []
        self.n_computing = self.most_computing = 0
        self._lock = threading.Lock()

    def classify_items(self, items: Sequence[msgspec.Raw]) -> list[BatchAnswer]:
        with self._lock:
            self.begun.append(msgspec.json.decode(items[0])["id"])
            self.n_computing += 1
            self.most_computing = max(self.most_computing, self.n_computing)
        if not self.gate.wait(TIMEOUT_S):
            raise TimeoutError("the gate stayed closed")
        answers = super().classify_items(items)
        with self._lock:
            self.n_computing -= 1
        return answers


class Client:
    """What Litestar hands over of a connection: it stays until `leave`."""

    def __init__(self) -> None:
        self._left = asyncio.Event()

    async def receive(self) -> Any:
        await self._left.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        self._left.set()


def batch(name: str, n_slices: int = 3) -> list[msgspec.Raw]:
    """Messages whose ids are `name` and the number of their slice."""
    ids = [f"{name}{place // SLICE}" for place in range(n_slices * SLICE)]
    return [msgspec.Raw(msgspec.json.encode({"id": item_id, "text": "карта"})) for item_id in ids]


async def n_answers(batches: Batches, name: str) -> int:
    content = await batches.answer(batch(name), Client().receive)
    return sum(answer.label == "Карта" for answer in msgspec.json.decode(content, type=BatchAnswers).results)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture
def service(tmp_path: Path) -> Gated:
    return Gated(tmp_path)


def run(story: Callable[[Batches], Awaitable[None]], service: Gated) -> None:
    async def bounded() -> None:
        try:
            async with asyncio.timeout(2 * TIMEOUT_S):
                await story(Batches(Current(service)))
        finally:
            service.gate.set()

    asyncio.run(bounded())


def test_two_are_computed_at_a_time_and_all_are_answered_in_order(service: Gated) -> None:
    async def story(batches: Batches) -> None:
        asked = [asyncio.create_task(batches.answer(batch(name), Client().receive)) for name in "abcde"]
        await until(lambda: service.n_computing == AT_ONCE)
        assert sorted(service.begun) == ["a0", "b0"]
        service.gate.set()
        for name, content in zip("abcde", await asyncio.gather(*asked), strict=True):
            answers = msgspec.json.decode(content, type=BatchAnswers)
            assert [item.id for item in answers.results] == [f"{name}{n}" for n in range(3) for _ in range(SLICE)]
            assert {item.label for item in answers.results} == {"Карта"}

    run(story, service)
    assert service.most_computing == AT_ONCE
    assert [name for name in service.begun if name.endswith("0")][2:] == ["c0", "d0", "e0"]
    assert min(service.begun.index("a2"), service.begun.index("b2")) < service.begun.index("c0")


def test_one_that_finds_too_many_waiting_is_told_when_to_come_again(service: Gated) -> None:
    async def story(batches: Batches) -> None:
        asked = [asyncio.create_task(batches.answer(batch(name), Client().receive)) for name in "abcde"]
        await until(lambda: service.n_computing == AT_ONCE)
        with pytest.raises(RequestError, match="2 batches are being computed, and 3 more are waiting") as refused:
            await batches.answer(batch("f"), Client().receive)
        assert (refused.value.code, refused.value.status) == ("busy", 503)
        assert refused.value.retry_after_s
        service.gate.set()
        await asyncio.gather(*asked)
        assert await n_answers(batches, "g") == 3 * SLICE

    run(story, service)
    assert "f0" not in service.begun


def test_an_explanation_waits_for_its_turn_and_counts_as_waiting(service: Gated) -> None:
    async def story(batches: Batches) -> None:
        asked = [asyncio.create_task(batches.answer(batch(name), Client().receive)) for name in "abcd"]
        explaining = asyncio.create_task(batches.explain(ClassifyRequest("карта"), Client().receive))
        await until(lambda: service.n_computing == AT_ONCE)
        assert not explaining.done()
        with pytest.raises(RequestError) as refused:
            await batches.explain(ClassifyRequest("карта"), Client().receive)
        assert (refused.value.code, refused.value.status) == ("busy", 503)
        service.gate.set()
        answer = await explaining
        assert answer.explanation is not None
        assert [item.word for item in answer.explanation.words] == ["карта"]
        await asyncio.gather(*asked)

    run(story, service)


def test_one_whose_client_leaves_is_not_computed_further(service: Gated) -> None:
    async def story(batches: Batches) -> None:
        client = Client()
        asked = asyncio.create_task(batches.answer(batch("a"), client.receive))
        await until(lambda: service.begun == ["a0"])
        client.leave()
        with pytest.raises(RequestError, match="The client closed the connection"):
            await asked
        service.gate.set()
        assert await n_answers(batches, "b") == 3 * SLICE

    run(story, service)
    assert service.begun == ["a0", "b0", "b1", "b2"]


def test_what_is_left_of_an_abandoned_batch_counts_as_computed(service: Gated) -> None:
    async def story(batches: Batches) -> None:
        client = Client()
        abandoned = asyncio.create_task(batches.answer(batch("a"), client.receive))
        await until(lambda: service.begun == ["a0"])
        client.leave()
        with pytest.raises(RequestError):
            await abandoned
        asked = [asyncio.create_task(batches.answer(batch(name), Client().receive)) for name in "bc"]
        await until(lambda: service.n_computing == AT_ONCE)
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert service.begun == ["a0", "b0"]
        service.gate.set()
        await asyncio.gather(*asked)

    run(story, service)
    assert service.most_computing == AT_ONCE


def test_one_whose_client_leaves_while_it_waits_makes_room_at_once(service: Gated) -> None:
    async def story(batches: Batches) -> None:
        clients = {name: Client() for name in "abcde"}
        asked = {
            name: asyncio.create_task(batches.answer(batch(name), client.receive)) for name, client in clients.items()
        }
        await until(lambda: service.n_computing == AT_ONCE)
        clients["c"].leave()
        with pytest.raises(RequestError):
            await asked.pop("c")
        asked["f"] = asyncio.create_task(batches.answer(batch("f"), Client().receive))
        await asyncio.sleep(0)
        service.gate.set()
        await asyncio.gather(*asked.values())

    run(story, service)
    assert "f2" in service.begun
    assert "c0" not in service.begun


def test_a_failure_ends_its_batch_and_gives_up_its_turn(service: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    async def story(batches: Batches) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(service, "classify_items", fail)
            for _ in range(AT_ONCE + LIMITS.max_waiting_batches + 1):
                with pytest.raises(ZeroDivisionError):
                    await batches.answer(batch("a"), Client().receive)
        service.gate.set()
        assert await n_answers(batches, "b") == 3 * SLICE

    run(story, service)


def test_a_batch_without_messages_needs_no_turn(service: Gated) -> None:
    async def story(batches: Batches) -> None:
        content = await batches.answer([], Client().receive)
        assert msgspec.json.decode(content, type=BatchAnswers) == BatchAnswers(service.model, [])

    run(story, service)


def test_health_and_single_messages_are_answered_while_batches_are_computed(service: Gated) -> None:
    async def story(_: Batches) -> None:
        app = create_app(Current(service))
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=TIMEOUT_S) as client:

            async def send(name: str) -> httpx.Response:
                messages = [msgspec.json.decode(item) for item in batch(name)]
                return await client.post("/v1/classify/batch", json={"messages": messages})

            asked = [asyncio.create_task(send(str(number))) for number in range(16)]
            await until(lambda: sum(task.done() for task in asked) == 11)
            refused = [task.result() for task in asked if task.done()]
            assert {response.status_code for response in refused} == {503}
            assert all(int(response.headers["Retry-After"]) > 0 for response in refused)
            assert all(response.json()["error"]["code"] == "busy" for response in refused)
            for path in ("/health/live", "/health/ready", "/v1/models"):
                assert (await client.get(path)).status_code == 200
            single = await client.post("/v1/classify", json={"text": "карта"})
            assert single.json()["label"] == "Карта"
            assert service.n_computing == AT_ONCE
            service.gate.set()
            statuses = [response.status_code for response in await asyncio.gather(*asked)]
        assert sorted(statuses) == [200] * 5 + [503] * 11

    run(story, service)


@contextmanager
def listening(app: Litestar) -> Iterator[int]:
    """The application behind a real socket; gives its port."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(TIMEOUT_S)


def test_one_whose_connection_closes_is_not_computed_further(service: Gated) -> None:
    app = create_app(Current(service))
    body = msgspec.json.encode({"messages": batch("a")})
    head = f"POST /v1/classify/batch HTTP/1.1\r\nHost: service\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with listening(app) as port:
        try:
            with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
                connection.sendall(head + body)
                wait_until(lambda: service.begun == ["a0"])
            wait_until(lambda: app.state.batches.n_unanswered == 0)
        finally:
            service.gate.set()
        answer = httpx.post(
            f"http://127.0.0.1:{port}/v1/classify/batch",
            content=msgspec.json.encode({"messages": batch("b")}),
            timeout=TIMEOUT_S,
        )
    assert len(answer.json()["results"]) == 3 * SLICE
    assert service.begun == ["a0", "b0", "b1", "b2"]
