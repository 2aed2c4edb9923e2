"""Who takes part in a cluster: all workers that are there, of the same versions."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from distributed.comm.core import CommClosedError

from firstline.errors import TrainingError
from firstline.search import connecting
from firstline.search.identity import identity

ADDRESS = "tcp://127.0.0.1:8786"


class Scheduler:
    """A client whose workers answer as it is told, time after time."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)

    def run(self, function: Callable[[], Any], on_error: str) -> dict[str, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def close(self) -> None:
        pass


def connect(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any]) -> Scheduler:
    scheduler = Scheduler(*answers)
    monkeypatch.setattr(connecting, "_client", lambda address: scheduler)
    monkeypatch.setattr(connecting, "_CONNECT_S", 0.5)
    connecting.connect(ADDRESS)
    return scheduler


def test_a_worker_that_has_just_ended_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = CommClosedError("reset by peer")
    scheduler = connect(monkeypatch, {"a": identity(), "b": ended}, {"a": identity(), "b": ended}, {"a": identity()})
    assert scheduler.answers == [{"a": identity()}]


def test_the_last_worker_that_has_just_ended_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="has no workers"):
        connect(monkeypatch, {"a": CommClosedError("reset by peer")}, {})


def test_a_worker_that_never_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="b cannot list its versions: CommClosedError"):
        connect(monkeypatch, {"a": identity(), "b": CommClosedError("reset by peer")})


def test_a_worker_that_fails_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="b cannot list its versions: ImportError"):
        connect(monkeypatch, {"b": ImportError("no firstline")}, {})


def test_a_worker_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_PATIENCE_S", 0.2)
    monkeypatch.setattr(Scheduler, "run", lambda *_, **__: time.sleep(2))
    with pytest.raises(TrainingError, match="does not answer"):
        connect(monkeypatch, {})
