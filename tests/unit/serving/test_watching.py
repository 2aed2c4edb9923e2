"""Taking a promoted model into service, with the files of models that a test changes."""

import logging
import os
import weakref
from pathlib import Path

import pytest

from firstline.bundle.manifest import FILE_NAME
from firstline.bundle.predictor import Predictor
from firstline.bundle.promise import Promise, write_promise
from firstline.bundle.registry import promote
from firstline.serving.current import Current
from firstline.serving.service import Service
from firstline.serving.source import Signature, Source
from firstline.serving.watching import Watcher
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle, manifest
from tests.service import wait_until


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two models; the first is the champion."""
    folder = tmp_path / "models"
    promote(folder, make_bundle(folder).id)
    return folder


@pytest.fixture
def other(models: Path) -> str:
    return make_bundle(models, draft=manifest(temperature=2.0)).id


class Serving:
    """What a service holds, without its thread: `look` is what the thread does twice a second."""

    def __init__(self, source: Source) -> None:
        seen = source.signature()
        self.current = Current(Service(source.load(), source.models, ServingSettings()))
        self.watcher = Watcher(self.current, source, seen)

    def look(self) -> str:
        self.watcher.look()
        return self.current.service.model


def champion(models: Path) -> str:
    return Source(models).load().manifest.id


def test_nothing_is_loaded_while_nothing_changes(models: Path) -> None:
    serving = Serving(Source(models))
    before = serving.current.service
    serving.look()
    assert serving.current.service is before


def test_a_promoted_model_serves_and_so_does_the_old_one_after_a_rollback(models: Path, other: str) -> None:
    serving = Serving(Source(models))
    first = serving.current.service.model
    promote(models, other)
    assert serving.look() == other
    promote(models, first)
    assert serving.look() == first


def test_what_has_been_read_of_current_stays_one_model(models: Path, other: str) -> None:
    serving = Serving(Source(models))
    kept = serving.current.service
    promote(models, other)
    serving.look()
    assert kept.classify("карта", None).model == kept.model != other


def test_a_replaced_model_leaves_the_memory_once_no_request_uses_it(models: Path, other: str) -> None:
    serving = Serving(Source(models))
    in_use = serving.current.service
    replaced = weakref.ref(in_use.predictor)
    in_use.predictor.itself = in_use.predictor  # type: ignore[attr-defined]  # only a collection frees it
    promote(models, other)
    serving.look()
    assert replaced() is not None
    del in_use
    serving.look()
    assert replaced() is None


def test_a_new_promise_is_in_force(models: Path) -> None:
    serving = Serving(Source(models))
    write_promise(models, Promise(review=0.2))
    serving.look()
    assert serving.current.service.predictor.decider.promise == Promise(review=0.2)


def test_settings_of_the_workspace_are_read_again(models: Path) -> None:
    file = models.parent / "firstline.toml"
    file.write_text("", "utf-8")
    serving = Serving(Source(models, file))
    file.write_text("[decisions]\nalways_review = ['Карта']\n", "utf-8")
    serving.look()
    assert serving.current.service.classify("карта", None).decision == "review"
    assert serving.current.service.predictor.decider.always_review == {"Карта"}


def test_a_model_that_is_not_the_champion_stays(models: Path, other: str) -> None:
    serving = Serving(Source(models, model=other))
    promote(models, other)
    promote(models, champion(models))
    assert serving.look() == other


@pytest.mark.parametrize("damage", ["cut", "missing", "no manifest", "folder gone", "champion unreadable", "pipe"])
def test_a_model_that_cannot_be_loaded_is_refused_and_the_old_one_goes_on(
    models: Path, other: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    serving = Serving(Source(models))
    first = serving.current.service.model
    promote(models, other)
    folder = models / other
    if damage == "cut":
        weights = next(folder.rglob("weights.npy"))
        weights.write_bytes(weights.read_bytes()[:-4])
    elif damage == "missing":
        next(folder.rglob("weights.npy")).unlink()
    elif damage == "no manifest":
        (folder / FILE_NAME).unlink()
    elif damage == "folder gone":
        folder.rename(models.parent / "elsewhere")
    elif damage == "pipe":
        (models / "champion.json").unlink()
        os.mkfifo(models / "champion.json")
    else:
        (models / "champion.json").write_text("{", "utf-8")
    with caplog.at_level(logging.ERROR):
        assert serving.look() == first
    assert serving.current.refused is not None
    assert serving.current.refused.code.startswith("bundle")
    assert serving.current.service.classify("карта", None).label == "Карта"
    assert f"Model {first} keeps serving" in caplog.text


def test_a_refused_model_serves_once_it_is_whole(models: Path, other: str) -> None:
    serving = Serving(Source(models))
    promote(models, other)
    weights = next((models / other).rglob("weights.npy"))
    content = weights.read_bytes()
    weights.write_bytes(content[:-4])
    assert serving.look() != other
    weights.write_bytes(content)
    assert serving.look() == other
    assert serving.current.refused is None


def test_a_refusal_is_logged_once(models: Path, other: str, caplog: pytest.LogCaptureFixture) -> None:
    serving = Serving(Source(models))
    promote(models, other)
    next((models / other).rglob("weights.npy")).unlink()
    with caplog.at_level(logging.ERROR):
        serving.look()
        serving.watcher.look(is_forced=True)
    assert caplog.text.count("is refused") == 1


def test_a_failure_that_nobody_foresaw_leaves_the_old_model(models: Path) -> None:
    class Failing(Source):
        def load(self) -> Predictor:
            raise MemoryError("a text of a message")

    serving = Serving(Source(models))
    watcher = Watcher(serving.current, Failing(models), ())
    watcher.look()
    assert serving.current.refused is not None
    assert "MemoryError" in serving.current.refused.message
    assert "a text" not in serving.current.refused.message


def test_files_that_cannot_be_looked_at_do_not_end_the_thread(
    models: Path, other: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Source):
        n_looks = 0

        def signature(self) -> Signature:
            Failing.n_looks += 1
            if Failing.n_looks in (2, 3):
                raise RuntimeError("a bug")
            return super().signature()

    serving = Serving(Failing(models))
    promote(models, other)
    serving.watcher.start()
    try:
        wait_until(lambda: serving.current.service.model == other)
    finally:
        serving.watcher.stop()
    assert serving.current.refusals.total() == 2
    assert caplog.text.count("RuntimeError in test_watching.py") == 1
    assert "Traceback" in caplog.text


def test_the_thread_takes_a_promoted_model(models: Path, other: str) -> None:
    serving = Serving(Source(models))
    serving.watcher.start()
    try:
        promote(models, other)
        wait_until(lambda: serving.current.service.model == other)
        before = serving.current.service
        serving.watcher.look_now()
        wait_until(lambda: serving.current.service is not before)
    finally:
        serving.watcher.stop()
