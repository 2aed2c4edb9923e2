"""Recorded answers: whole lines, one file a day, and gone when they should be."""

import os
import threading
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firstline.errors import FileUnwritable
from firstline.store import records
from firstline.store.messages import StoredMessage
from firstline.store.records import RecordedAnswer, RecordFiles, forget_records, read_records

TODAY = datetime.now(UTC).date()


def record(text: str = "где моя карта", days_ago: int = 0, **fields: Any) -> RecordedAnswer:
    known = {
        "at": f"{TODAY - timedelta(days=days_ago)}T09:00:00.000Z",
        "request": "r-1",
        "model": "m",
        "label": "Карта",
        "confidence": 0.9,
        "decision": "route",
        "reason": "confident",
    }
    return RecordedAnswer(**{**known, **fields}, text=text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "records"


@pytest.fixture
def files(folder: Path) -> RecordFiles:
    files = RecordFiles(folder, days=30)
    files.open()
    return files


def texts(folder: Path) -> list[str]:
    return [found.text for found in read_records(folder)]


def file_of(folder: Path, days_ago: int = 0) -> Path:
    return folder / f"{TODAY - timedelta(days=days_ago)}.jsonl"


def test_what_is_appended_is_read(folder: Path, files: RecordFiles) -> None:
    whole = record(segment="клиент", id="7", runner_up="Перевод", runner_up_confidence=0.05)
    files.append([record(), whole])
    assert [*read_records(folder)] == [record(), whole]


def test_each_day_has_its_file_and_the_oldest_is_read_first(folder: Path, files: RecordFiles) -> None:
    files.append([record("new")])
    files.append([record("old", days_ago=2)])
    assert texts(folder) == ["old", "new"]
    assert file_of(folder, 2).exists()


def test_nobody_else_reads_them(folder: Path, files: RecordFiles) -> None:
    files.append([record()])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.glob("*.jsonl")} == {0o600}


def test_they_are_kept_out_of_git(folder: Path, files: RecordFiles) -> None:
    assert (folder / ".gitignore").read_text("utf-8") == "*\n"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(FileUnwritable, match=r"records cannot be|recorded in .*records"):
        RecordFiles(tmp_path / "file" / "records", days=30).open()


def test_half_a_line_at_the_end_is_skipped_and_leaves_with_the_next_record(folder: Path, files: RecordFiles) -> None:
    files.append([record("first")])
    with file_of(folder).open("ab") as opened:
        opened.write(msgspec.json.encode(record("killed"))[:40] * 3_000)
    assert texts(folder) == ["first"]
    files.append([record("next")])
    assert texts(folder) == ["first", "next"]
    assert b"killed" not in file_of(folder).read_bytes()
    assert len(file_of(folder).read_bytes().splitlines()) == 2


def test_a_full_disk_leaves_no_half_line(folder: Path, files: RecordFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    files.append([record("before")])

    class Full(FileIO):
        def write(self, data: Any) -> int:
            if len(data) > 50:
                return super().write(data[: len(data) - 50])
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(records, "FileIO", Full)
        with pytest.raises(OSError, match="No space"):
            files.append([record("lost"), record("lost too")])
    files.append([record("after")])
    assert file_of(folder).read_bytes().count(b"\n") == 2
    assert texts(folder) == ["before", "after"]


def test_files_older_than_asked_for_are_deleted(folder: Path, files: RecordFiles) -> None:
    for days_ago in (31, 30, 1):
        files.append([record(str(days_ago), days_ago)])
    files.tidy()
    assert texts(folder) == ["30", "1"]


def test_other_files_of_the_folder_stay(folder: Path, files: RecordFiles) -> None:
    for name in ("notes.txt", "2001.jsonl", "export.jsonl"):
        (folder / name).write_text("{}\n", "utf-8")
    files.tidy()
    assert texts(folder) == []
    assert {file.name for file in folder.iterdir()} >= {"notes.txt", "2001.jsonl", "export.jsonl"}


def test_no_folder_has_no_records(folder: Path) -> None:
    assert texts(folder) == []
    assert forget_records(folder, texts={"a"}) == 0
    assert not folder.exists()


@pytest.mark.parametrize(
    ("meant", "left"),
    [
        ({"ids": {"7"}}, ["b", "c"]),
        ({"texts": {"b"}}, ["a", "c"]),
        ({"keys": {StoredMessage("c", "lead").key}}, ["a", "b"]),
        ({"before": datetime.combine(TODAY, datetime.min.time())}, ["b", "c"]),
        ({"ids": {"8"}, "texts": {"d"}}, ["a", "b", "c"]),
    ],
    ids=["id", "text", "key", "time", "nothing"],
)
def test_what_is_meant_is_deleted(folder: Path, files: RecordFiles, meant: dict[str, Any], left: list[str]) -> None:
    files.append([record("a", 1, id="7")])
    files.append([record("b"), record("c", segment="lead")])
    n_forgotten = 3 - len(left)
    assert forget_records(folder, **meant, is_rehearsal=True) == n_forgotten
    assert texts(folder) == ["a", "b", "c"]
    assert forget_records(folder, **meant) == n_forgotten
    assert texts(folder) == left
    assert {file.stat().st_mode & 0o777 for file in folder.glob("*.jsonl")} == {0o600}


def test_half_a_line_may_hold_what_is_forgotten(folder: Path, files: RecordFiles) -> None:
    files.append([record("a")])
    with file_of(folder).open("ab") as opened:
        opened.write(msgspec.json.encode(record("secret"))[:-2])
    assert forget_records(folder, texts={"secret"}) == 0
    assert b"secret" not in file_of(folder).read_bytes()
    assert texts(folder) == ["a"]


def test_forgetting_loses_nothing_that_is_appended_meanwhile(folder: Path, files: RecordFiles) -> None:
    n_records = 300

    def append_all() -> None:
        for number in range(n_records):
            files.append([record(f"text {number}"), record("forget me")])

    appending = threading.Thread(target=append_all)
    appending.start()
    n_forgotten = 0
    while appending.is_alive():
        n_forgotten += forget_records(folder, texts={"forget me"})
    appending.join()
    n_forgotten += forget_records(folder, texts={"forget me"})
    assert n_forgotten == n_records
    assert texts(folder) == [f"text {number}" for number in range(n_records)]
    assert [file.name for file in folder.iterdir() if "unfinished" in file.name] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(folder: Path) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(FileUnwritable, match="records"):
        RecordFiles(folder, days=30).open()
