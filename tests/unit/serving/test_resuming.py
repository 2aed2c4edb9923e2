"""A classification that is killed and run again gives the same file as one that was not."""

import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TypeAlias

import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import EarlierRunDiffers
from firstline.messages.records import ReadingOptions
from firstline.messages.unfinished import n_rows_kept
from firstline.serving import bulk
from firstline.serving.bulk import BulkReport, classify_file
from firstline.settings import ColumnsSettings
from firstline.steps import Note, run_to_end
from tests.bundles import make_bundle

ENDINGS = ["csv", "tsv", "jsonl", "json", "parquet"]
KILLED = """
import os, signal, sys
from pathlib import Path
from firstline.bundle.predictor import Predictor
from tests.unit.serving import test_resuming

test_resuming.small_parts()
steps = test_resuming.answering(Predictor.load(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]))
for _ in range(int(sys.argv[4])):
    next(steps)
os.kill(os.getpid(), signal.SIGKILL)
"""


def small_parts() -> None:
    """What is so with a million rows: many parts."""
    bulk.PART_ROWS, bulk._PARTS_KEPT = 4, 2


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PART_ROWS", 4)
    monkeypatch.setattr(bulk, "_PARTS_KEPT", 2)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "models" / make_bundle(tmp_path / "models").id


@pytest.fixture
def predictor(model: Path) -> Predictor:
    return Predictor.load(model)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """30 rows, of which row 11 cannot be read; in the column `n`, numbers are followed by a text."""
    lines = [f'{{"n": {n}, "text": "карта {n}"}}' for n in range(30)]
    lines[10] = '{"n": 10, "text"'
    lines[20] = '{"n": "zwanzig", "text": null}'
    (tmp_path / "in.jsonl").write_text("\n".join(lines), "utf-8")
    return tmp_path / "in.jsonl"


Steps: TypeAlias = Generator[float | Note, None, BulkReport]


def answering(predictor: Predictor, source: Path, out: Path, text: str = "") -> Steps:
    return classify_file(predictor, source, out, {}, ColumnsSettings(text=text), ReadingOptions())


def classify(predictor: Predictor, source: Path, out: Path) -> tuple[BulkReport, list[str]]:
    notes: list[str] = []
    report = run_to_end(
        answering(predictor, source, out),
        lambda step: notes.append(step.text) if isinstance(step, Note) else None,
    )
    return report, notes


def stop_after(steps: Steps, n: int) -> None:
    """Stop after `n` parts, two of which are kept at a time."""
    for _ in range(n):
        next(steps)
    steps.close()


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("n_parts", [1, 2, 3, 5, 7])
def test_a_table_that_was_begun_is_finished(
    predictor: Predictor, source: Path, tmp_path: Path, ending: str, n_parts: int
) -> None:
    whole, out = tmp_path / f"whole.{ending}", tmp_path / f"out.{ending}"
    expected, _ = classify(predictor, source, whole)
    stop_after(answering(predictor, source, out), n_parts)
    assert not out.exists()
    report, notes = classify(predictor, source, out)
    n_resumed = 8 * (n_parts // 2)
    assert report.n_resumed == n_resumed
    assert notes == ([f"resumes an earlier run that did not end, after row {n_resumed}"] if n_resumed else [])
    assert out.read_bytes() == whole.read_bytes()
    assert (report.n_rows, report.n_answered, report.n_unanswered) == (30, 28, 2)
    assert (report.n_rows, report.n_answered) == (expected.n_rows, expected.n_answered)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "ending",
    ["csv", pytest.param("jsonl", marks=pytest.mark.slow), pytest.param("parquet", marks=pytest.mark.slow)],
)
def test_a_process_that_is_killed_again_and_again_comes_to_the_end(
    predictor: Predictor, model: Path, source: Path, tmp_path: Path, ending: str
) -> None:
    whole, out = tmp_path / f"whole.{ending}", tmp_path / f"out.{ending}"
    classify(predictor, source, whole)
    for n_steps in (1, 3, 4):
        killed = subprocess.run([sys.executable, "-c", KILLED, model, source, out, str(n_steps)], check=False)
        assert killed.returncode == -signal.SIGKILL
    report, _ = classify(predictor, source, out)
    assert report.n_resumed > 0
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1251"])
def test_an_encoding_is_continued(predictor: Predictor, tmp_path: Path, encoding: str) -> None:
    source, whole, out = tmp_path / "in.csv", tmp_path / "whole.csv", tmp_path / "out.csv"
    source.write_text("n,text\n" + "".join(f"{n},где мой перевод и карта\n" for n in range(30)), encoding)
    classify(predictor, source, whole)
    stop_after(answering(predictor, source, out), 5)
    assert classify(predictor, source, out)[0].n_resumed == 16
    assert out.read_bytes() == whole.read_bytes()


def test_conversations_are_continued(predictor: Predictor, tmp_path: Path) -> None:
    source, whole, out = tmp_path / "in.csv", tmp_path / "whole.csv", tmp_path / "out.csv"
    lines = [f"{n},client,карта\n{n},agent,да\n" for n in range(30)]
    source.write_text("dialog,who,text\n" + "".join(lines) + ",client,ничья\n", "utf-8")
    of_dialogs = {"conversation": "dialog", "author": "who"}

    def answered(out: Path) -> BulkReport:
        steps = classify_file(
            predictor, source, out, {}, ColumnsSettings(**of_dialogs), ReadingOptions(), ("agent",), temporary=tmp_path
        )
        return run_to_end(steps)

    expected = answered(whole)
    begun = classify_file(
        predictor, source, out, {}, ColumnsSettings(**of_dialogs), ReadingOptions(), ("agent",), temporary=tmp_path
    )
    stop_after(begun, 5)
    report = answered(out)
    assert report.n_resumed == 16
    assert (report.n_rows, report.lines_left_out) == (30, [62]) == (expected.n_rows, expected.lines_left_out)
    assert out.read_bytes() == whole.read_bytes()


def refused(predictor: Predictor, source: Path, out: Path) -> str:
    """What a run says that would throw the rows of another away; they must still be there."""
    before = kept(out.parent)
    with pytest.raises(EarlierRunDiffers) as raised:
        classify(predictor, source, out)
    assert kept(out.parent) == before
    return raised.value.message


def kept(folder: Path) -> dict[str, bytes]:
    (place,) = folder.glob(".*.resumable")
    return {path.name: path.read_bytes() for path in place.iterdir()}


def test_another_file_does_not_replace_what_is_kept(predictor: Predictor, source: Path, tmp_path: Path) -> None:
    stop_after(answering(predictor, source, tmp_path / "out.csv"), 5)
    source.write_text(source.read_text("utf-8") + '\n{"n": 31, "text": "перевод"}', "utf-8")
    assert "the file changed since; its first 16 rows are kept" in refused(predictor, source, tmp_path / "out.csv")


def test_another_model_does_not_replace_what_is_kept(predictor: Predictor, source: Path, tmp_path: Path) -> None:
    stop_after(answering(predictor, source, tmp_path / "out.csv"), 5)
    other = Predictor.load(tmp_path / "models" / make_bundle(tmp_path / "models", strength=2.0).id)
    assert "the model changed since" in refused(other, source, tmp_path / "out.csv")


def test_other_reading_does_not_replace_what_is_kept(predictor: Predictor, source: Path, tmp_path: Path) -> None:
    stop_after(answering(predictor, source, tmp_path / "out.csv", text="n"), 5)
    assert "an option changed since" in refused(predictor, source, tmp_path / "out.csv")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_slow_model_is_kept_part_by_part(
    predictor: Predictor, source: Path, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / f"whole.{ending}", tmp_path / f"out.{ending}"
    classify(predictor, source, whole)
    monkeypatch.setattr(bulk, "_KEPT_EVERY_S", 0.0)
    monkeypatch.setattr(bulk, "_PARTS_KEPT", 1_000)
    stop_after(answering(predictor, source, out), 3)
    assert n_rows_kept(out) == 12
    report, _ = classify(predictor, source, out)
    assert report.n_resumed == 12
    assert out.read_bytes() == whole.read_bytes()


def test_what_is_left_holds_no_text_but_the_table(predictor: Predictor, source: Path, tmp_path: Path) -> None:
    stop_after(answering(predictor, source, tmp_path / "out.jsonl"), 5)
    (folder,) = tmp_path.glob(".out.jsonl.*.resumable")
    assert {path.name for path in folder.iterdir()} == {"lock", "progress.json", "table"}
    assert "карта" not in (folder / "progress.json").read_text("utf-8")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, folder / "table", folder / "progress.json"))


def test_a_workbook_begins_anew(predictor: Predictor, source: Path, tmp_path: Path) -> None:
    stop_after(answering(predictor, source, tmp_path / "out.xlsx"), 5)
    report, notes = classify(predictor, source, tmp_path / "out.xlsx")
    assert (report.n_resumed, notes) == (0, [])
    assert not list(tmp_path.glob(".*"))
