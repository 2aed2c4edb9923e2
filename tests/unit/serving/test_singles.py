"""The queue of single messages, with a service that notes what it computes together."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import RequestError
from firstline.serving.current import Current
from firstline.serving.exchange import Exchange
from firstline.serving.schemas import Answer, ClassifyRequest
from firstline.serving.service import Service
from firstline.serving.singles import Singles
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle


class Noting(Service):
    """Notes the texts of each group. `before` runs first; `failing` texts have a bug."""

    def __init__(self, folder: Path, **limits: float) -> None:
        super().__init__(
            Predictor.load(folder / make_bundle(folder).id), folder, ServingSettings.model_validate(limits)
        )
        self.groups: list[list[str]] = []
        self.before: Callable[[], object] = lambda: None

    def classify_all(
        self, requests: Sequence[ClassifyRequest], request_ids: Sequence[str] | None = None
    ) -> list[Answer | Exception]:
        self.before()
        self.groups.append([request.text for request in requests])
        return super().classify_all(requests, request_ids)


@pytest.fixture
def service(tmp_path: Path) -> Noting:
    return Noting(tmp_path)


def run(story: Callable[[Singles], Awaitable[None]], service: Service) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await story(Singles(Current(service), group_s=60))

    asyncio.run(bounded())


async def ask(singles: Singles, text: str, exchange: Exchange | None = None) -> Answer | Exception:
    try:
        return await singles.answer(ClassifyRequest(text), exchange)
    except Exception as error:
        return error


def label(found: Answer | Exception) -> str:
    return found.label if isinstance(found, Answer) else getattr(found, "code", type(found).__name__)


def test_messages_that_arrive_together_are_computed_together_and_answered_each(service: Noting) -> None:
    texts = ["карта", "перевод"] * 8

    async def story(singles: Singles) -> None:
        await ask(singles, "карта")  # how long one takes
        found = await asyncio.gather(*(ask(singles, text) for text in texts))
        assert [label(answer) for answer in found] == ["Карта", "Перевод"] * 8

    run(story, service)
    assert [text for group in service.groups[1:] for text in group] == texts
    assert len(service.groups) == 2


def test_an_answer_is_the_same_alone_and_together(service: Noting) -> None:
    async def story(singles: Singles) -> None:
        alone = [await ask(singles, text) for text in ("карта", "перевод", "неведомое")]
        together = await asyncio.gather(*(ask(singles, text) for text in ("карта", "перевод", "неведомое")))
        assert alone == list(together)

    run(story, service)


def test_the_loop_does_other_work_between_two_groups(service: Noting) -> None:
    seen = []

    async def story(singles: Singles) -> None:
        asked = [asyncio.create_task(ask(singles, "карта")) for _ in range(100)]
        while not all(task.done() for task in asked):
            await asyncio.sleep(0)
            seen.append(sum(task.done() for task in asked))

    run(story, service)
    assert len(set(seen)) > 3
    assert all(later - sooner <= 16 for sooner, later in pairwise(seen))


def test_one_that_cannot_be_answered_fails_alone(service: Noting) -> None:
    async def story(singles: Singles) -> None:
        await ask(singles, "карта")
        found = await asyncio.gather(*(ask(singles, text) for text in ("карта", " ", "я" * 10_001, "перевод")))
        assert [label(answer) for answer in found] == ["Карта", "text_empty", "text_too_long", "Перевод"]

    run(story, service)


def test_a_bug_with_one_message_leaves_the_others_their_answers(
    service: Noting, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = service.predictor.predict

    def fails_on_one(messages: Sequence[object]) -> object:
        if any("ошибка" in str(message) for message in messages):
            raise ZeroDivisionError
        return predict(messages)  # type: ignore[arg-type]

    monkeypatch.setattr(service.predictor, "predict", fails_on_one)

    async def story(singles: Singles) -> None:
        await ask(singles, "карта")
        found = await asyncio.gather(*(ask(singles, text) for text in ("карта", "ошибка", "перевод")))
        assert [label(answer) for answer in found] == ["Карта", "ZeroDivisionError", "Перевод"]

    run(story, service)


def test_a_group_that_fails_as_a_whole_does_not_stop_the_queue(service: Noting) -> None:
    def fail() -> None:
        raise MemoryError

    async def story(singles: Singles) -> None:
        service.before = fail
        assert label(await ask(singles, "карта")) == "MemoryError"
        service.before = lambda: None
        assert label(await ask(singles, "карта")) == "Карта"

    run(story, service)


def test_no_error_stops_the_queue(service: Noting) -> None:
    def fail() -> None:
        raise StopIteration

    async def story(singles: Singles) -> None:
        service.before = fail
        assert label(await ask(singles, "карта")) == "RuntimeError"
        service.before = lambda: None
        assert label(await ask(singles, "карта")) == "Карта"

    run(story, service)


def test_what_has_waited_too_long_is_refused_and_so_is_what_comes_behind_it(tmp_path: Path) -> None:
    service = Noting(tmp_path, max_wait_ms=50)

    async def story(singles: Singles) -> None:
        await ask(singles, "карта")
        asked = [asyncio.create_task(ask(singles, "карта")) for _ in range(40)]
        await asyncio.sleep(0)
        assert singles.n_waiting == 40
        # The loop is held up, as by another process, before the queue is looked at.
        time.sleep(0.1)
        late = await ask(singles, "карта")  # refused at once, before the queue is looked at
        found = {label(answer) for answer in await asyncio.gather(*asked)}
        assert label(late) == "busy"
        assert isinstance(late, RequestError)
        assert (late.status, late.retry_after_s) == (503, 1)
        assert found == {"busy"}
        assert label(await ask(singles, "карта")) == "Карта"

    run(story, service)


def test_nothing_is_computed_for_a_client_that_has_gone(service: Noting) -> None:
    async def story(singles: Singles) -> None:
        gone = Exchange("1", "POST", "/v1/classify", is_gone=True)
        assert label(await ask(singles, "карта", gone)) == "client_gone"

    run(story, service)
    assert service.groups == []


def test_a_cancelled_request_leaves_the_others_alone(service: Noting) -> None:
    async def story(singles: Singles) -> None:
        first, second = (asyncio.create_task(ask(singles, "карта")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert label(await second) == "Карта"

    run(story, service)
    assert service.groups == [["карта"]]
