"""What a bundle costs to serve, measured in a process of its own."""

from pathlib import Path

import pytest

from firstline.bundle.manifest import FILE_NAME
from firstline.errors import TrainingError
from firstline.evaluation.serving_cost import resident_bytes, serving_cost
from firstline.types import Message
from tests.bundles import make_bundle

MESSAGES = [Message("банкомат съел карту", "lead"), Message("где перевод"), Message("")] * 10


def test_time_and_memory_of_a_small_bundle(tmp_path: Path) -> None:
    found = serving_cost(tmp_path / make_bundle(tmp_path).id, MESSAGES)
    assert 0 < found.latency_ms["p50"] <= found.latency_ms["p99"]
    assert 0 <= found.memory_bytes < 500e6


def test_one_message_is_enough(tmp_path: Path) -> None:
    assert serving_cost(tmp_path / make_bundle(tmp_path).id, MESSAGES[:1]).latency_ms["p50"] > 0


def test_a_bundle_that_does_not_answer_is_said(tmp_path: Path) -> None:
    folder = tmp_path / make_bundle(tmp_path).id
    (folder / FILE_NAME).unlink()
    with pytest.raises(TrainingError, match=r"cannot be loaded or used in a separate process: .*There is no model"):
        serving_cost(folder, MESSAGES)


def test_a_process_holds_memory() -> None:
    assert 10e6 < resident_bytes() < 100e9


def test_modules_of_the_current_folder_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = make_bundle(tmp_path / "models")
    here = tmp_path / "exports"
    here.mkdir()
    (here / "statistics.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(here)
    assert serving_cost(tmp_path / "models" / written.id, MESSAGES).latency_ms["p50"] > 0
