"""Which answers are recorded, and with what."""

import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from firstline.bundle.predictor import Predictor
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.front import Front
from firstline.serving.recording import Answered, Recorder, _Records, open_recorder
from firstline.serving.schemas import ClassifyRequest
from firstline.serving.service import Service
from firstline.settings.model import RecordChoice, ServingSettings
from firstline.store.records import RecordedAnswer, RecordFiles, forget_records, read_records
from firstline.types import Message, Prediction, Ranked
from tests.bundles import make_bundle
from tests.service import wait_until

LIMITS = ServingSettings()
ROUTED = Prediction((Ranked("Карта", 0.912345678), Ranked("Перевод", 0.05)), "route", "confident")
REVIEWED = Prediction((Ranked("Карта", 0.4), Ranked("Перевод", 0.3)), "review", "low_confidence")
UNKNOWN = Prediction((Ranked("Карта", 0.4),), "unknown", "unfamiliar")

Recorded = Callable[[], list[RecordedAnswer]]


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path / "records", 30, "all")
    yield recorder
    recorder.close()


@pytest.fixture
def recorded(recorder: Recorder, tmp_path: Path) -> Recorded:
    """What was recorded, once the recorder is closed."""

    def read() -> list[RecordedAnswer]:
        recorder.close()
        return [*read_records(tmp_path / "records")]

    return read


@pytest.fixture
def client(recorder: Recorder, tmp_path: Path) -> Iterator[TestClient[Front]]:
    written = make_bundle(tmp_path)
    service = Service(Predictor.load(tmp_path / written.id), tmp_path, LIMITS, recorder)
    with TestClient(Front(create_app(Current(service)))) as client:
        yield client


def test_a_record_says_what_was_answered_to_what(recorder: Recorder, recorded: Recorded) -> None:
    recorder.record("m", lambda _: False, "r-1", 7, Message("где карта", "клиент"), ROUTED)
    (found,) = recorded()
    assert found == RecordedAnswer(
        at=found.at,
        request="r-1",
        model="m",
        label="Карта",
        confidence=0.912346,
        decision="route",
        reason="confident",
        text="где карта",
        segment="клиент",
        id="7",
        runner_up="Перевод",
        runner_up_confidence=0.05,
    )


@pytest.mark.parametrize(
    ("choice", "expected"), [("all", ["route", "review", "unknown"]), ("review", ["review", "unknown"])]
)
def test_the_setting_says_which_answers_are_recorded(tmp_path: Path, choice: RecordChoice, expected: list[str]) -> None:
    recorder = Recorder(tmp_path, 30, choice)
    for prediction in (ROUTED, REVIEWED, UNKNOWN):
        recorder.record("m", lambda _: False, "r", None, Message("текст"), prediction)
    recorder.close()
    assert [found.decision for found in read_records(tmp_path)] == expected


def test_nothing_is_recorded_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert open_recorder(tmp_path, LIMITS) is None
    assert list(tmp_path.iterdir()) == []


def test_records_go_where_the_settings_say(tmp_path: Path) -> None:
    recorder = open_recorder(tmp_path, ServingSettings(record="all", record_folder="answers"))
    assert recorder is not None
    recorder.close()
    assert (tmp_path / "answers").is_dir()


def test_a_single_message_is_recorded_masked(client: TestClient[Front], recorded: Recorded) -> None:
    sent = {"text": "пишите на anna@example.com", "segment": "клиент"}
    answer = client.post("/v1/classify", json=sent, headers={"X-Request-ID": "r-9"}).json()
    (found,) = recorded()
    assert (found.text, found.request, found.segment) == ("пишите на <EMAIL>", "r-9", "клиент")
    assert (found.label, found.decision, found.model) == (answer["label"], answer["decision"], answer["model"])


def test_each_message_of_a_batch_is_recorded(client: TestClient[Front], recorded: Recorded) -> None:
    messages = [{"id": "A-1", "text": "карта"}, {"id": 2, "text": "перевод"}, {"id": 3, "text": ""}]
    client.post("/v1/classify/batch", json={"messages": messages}, headers={"X-Request-ID": "b"})
    assert [(found.id, found.text, found.request) for found in recorded()] == [
        ("A-1", "карта", "b"),
        ("2", "перевод", "b"),
    ]


def test_an_id_or_a_segment_that_holds_personal_data_is_not_recorded(
    client: TestClient[Front], recorded: Recorded
) -> None:
    message = {"id": "+7 916 555-01-02", "text": "карта", "segment": "anna@example.com"}
    client.post("/v1/classify/batch", json={"messages": [message]})
    (found,) = recorded()
    assert (found.id, found.segment) == (None, None)


def test_explanations_and_refused_messages_are_not_recorded(client: TestClient[Front], recorded: Recorded) -> None:
    client.post("/v1/classify?explain=true", json={"text": "карта"})
    client.post("/v1/classify", json={"text": ""})
    assert recorded() == []


def test_the_next_model_is_recorded_too(recorder: Recorder, recorded: Recorded, tmp_path: Path) -> None:
    predictor = Predictor.load(tmp_path / make_bundle(tmp_path).id)
    service = Service(predictor, tmp_path, LIMITS, recorder).with_model(predictor)
    service.classify_all([ClassifyRequest("карта")], ["r"])
    assert [found.text for found in recorded()] == ["карта"]


def test_a_full_disk_is_logged_once_and_what_waited_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    recorder = Recorder(tmp_path, 30, "all")
    tries = list[int]()

    def fail(*_: object) -> None:
        tries.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(RecordFiles, "append", fail)
        recorder.record("m", lambda _: False, "r", None, Message("ждёт"), ROUTED)
        wait_until(lambda: len(tries) > 2)
    wait_until(lambda: "Answers are recorded again." in caplog.messages)
    recorder.close()
    assert [found.text for found in read_records(tmp_path)] == ["ждёт"]
    assert len([message for message in caplog.messages if "No space left" in message]) == 1
    assert recorder.n_dropped == 0


def test_what_waits_while_something_is_forgotten_is_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    recorder = Recorder(tmp_path, 30, "all")
    tries = list[int]()

    def fail(*_: object) -> None:
        tries.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    def record(text: str) -> None:
        recorder.record("m", lambda _: False, "r", None, Message(text), ROUTED)

    with monkeypatch.context() as full:
        full.setattr(RecordFiles, "append", fail)
        record("waits for its file")
        wait_until(lambda: bool(tries))
        record("waits for the writer")
        forget_records(tmp_path, texts={"waits for its file", "waits for the writer"})
        wait_until(lambda: recorder.n_dropped == 1)
    wait_until(lambda: recorder.n_dropped == 2)
    record("answered later")
    recorder.close()
    assert [found.text for found in read_records(tmp_path)] == ["answered later"]
    assert "dropped, since `firstline forget` has run" in caplog.text
    assert "waits for" not in caplog.text


def test_what_is_answered_after_something_was_forgotten_is_recorded(tmp_path: Path) -> None:
    files = RecordFiles(tmp_path, 30)
    files.open()
    records = _Records(files)
    forget_records(tmp_path, texts={"where"})
    records([])
    answered = Answered("m", lambda _: False, "r", None, Message("where"), ROUTED, time.time(), time.monotonic())
    records([answered])
    assert [found.text for found in read_records(tmp_path)] == ["where"]
    assert records.n_dropped == 0


def test_what_cannot_be_compared_with_what_was_forgotten_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = RecordFiles(tmp_path, 30)
    files.open()
    records = _Records(files)
    answered = Answered("m", lambda _: False, "r", None, Message("where"), ROUTED, time.time(), time.monotonic())

    def fail(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(RecordFiles, "has_forgotten", fail)
        with pytest.raises(OSError, match="Input"):
            records([answered])
    records([])
    assert [found.text for found in read_records(tmp_path)] == ["where"]
