"""Recorded answers: whole lines, one file a day, and gone when they should be."""

import os
import shutil
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
from firstline.store.records import RecordedAnswer, RecordFiles, forget_records, newest_records, read_records

TODAY = datetime.now(UTC).date()
NESTED = b'{"text": "secret", "other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
"""JSON that is nested too deep to be read."""


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


def written(folder: Path, days_ago: int) -> None:
    """Give the file of a day the age that it has if it was written on that day."""
    moment = (datetime.now(UTC) - timedelta(days=days_ago)).timestamp()
    os.utime(file_of(folder, days_ago), (moment, moment))


class Full(FileIO):
    """A file on a full disk: the last 50 bytes do not fit."""

    def write(self, data: Any) -> int:
        if len(data) > 50:
            return super().write(data[: len(data) - 50])
        raise OSError(28, "No space left on device")


def test_what_is_appended_is_read(folder: Path, files: RecordFiles) -> None:
    whole = record(segment="клиент", id="7", runner_up="Перевод", runner_up_confidence=0.05)
    files.append([record(), whole])
    assert [*read_records(folder)] == [record(), whole]


def test_the_newest_are_read_first_and_no_more_than_asked(folder: Path, files: RecordFiles) -> None:
    files.append([record("old", days_ago=2)])
    files.append([record("new"), record("newest")])
    assert [found.text for found in newest_records(folder, 10_000)] == ["newest", "new", "old"]
    with file_of(folder).open("ab") as opened:
        opened.write(b'{"half')
    size = file_of(folder).stat().st_size
    assert [found.text for found in newest_records(folder, size - 1)] == ["newest"]
    assert [found.text for found in newest_records(folder, size)] == ["newest", "new"]
    assert [*newest_records(folder.parent / "none", 10_000)] == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes among files here")
def test_a_pipe_or_a_folder_with_the_name_of_a_day_is_passed_over(folder: Path, files: RecordFiles) -> None:
    files.append([record("kept")])
    os.mkfifo(file_of(folder, 1))
    file_of(folder, 2).mkdir()
    assert [found.text for found in newest_records(folder, 10_000)] == texts(folder) == ["kept"]
    assert forget_records(folder, texts=["kept"]) == 1
    assert file_of(folder, 1).is_fifo()


def test_a_line_that_is_nested_too_deep_is_skipped(folder: Path, files: RecordFiles) -> None:
    files.append([record("kept")])
    with file_of(folder).open("ab") as opened:
        opened.write(NESTED + b"\n")
    assert [found.text for found in newest_records(folder, 1_000_000)] == texts(folder) == ["kept"]


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
        written(folder, days_ago)
    files.tidy()
    assert texts(folder) == ["30", "1"]


def test_a_file_that_was_written_to_lately_is_not_old(folder: Path, files: RecordFiles) -> None:
    files.append([record(days_ago=40)])
    files.tidy()
    assert len(texts(folder)) == 1


def test_a_clock_that_jumps_ahead_deletes_nothing(
    folder: Path, files: RecordFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.append([record("yesterday", days_ago=1)])
    written(folder, 1)
    monkeypatch.setattr(records, "_now", lambda: datetime.now(UTC) + timedelta(days=365))
    files.tidy()
    assert texts(folder) == ["yesterday"]


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
            while not files.append([record(f"text {number}"), record("forget me")]):
                pass

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


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({}, []),
        ({"reason": "of a later version"}, []),
        ({"text": "other", "reason": "of a later version"}, ["other"]),
        ({"id": 8, "text": {"parts": []}}, []),
        ({"id": 9, "text": None, "at": 1.5}, [None]),
        ({"id": None, "text": None}, [None]),
    ],
    ids=["as written", "text", "another text", "id", "another id", "neither"],
)
def test_records_of_a_later_version_are_forgotten_by_what_they_hold(
    folder: Path, files: RecordFiles, change: dict[str, Any], left: list[str | None]
) -> None:
    files.append([record("kept")])
    line = {**msgspec.to_builtins(record("secret")), **change, "new": 1}
    with file_of(folder).open("ab") as opened:
        opened.write(msgspec.json.encode(line) + b"\n")
    n_forgotten = forget_records(folder, texts={"secret", "None"}, ids={"8", "None"}, keys={StoredMessage("None").key})
    assert n_forgotten == 1 - len(left)
    lines = file_of(folder).read_bytes().splitlines()
    assert [msgspec.json.decode(line)["text"] for line in lines] == ["kept", *left]


@pytest.mark.parametrize("line", [b"no json", b"[1]", b'"secret"', b'{"text": "\xff"}', NESTED])
def test_a_line_that_is_no_object_is_dropped(folder: Path, files: RecordFiles, line: bytes) -> None:
    with file_of(folder).open("ab") as opened:
        opened.write(line + b"\n")
    files.append([record("kept")])
    assert forget_records(folder, texts={"secret"}) == 0
    assert line not in file_of(folder).read_bytes()
    assert texts(folder) == ["kept"]


def test_what_a_killed_forget_left_is_removed(folder: Path, files: RecordFiles) -> None:
    left, other = folder / f"{TODAY}.unfinished", folder / "notes.unfinished"
    for remove in (lambda: forget_records(folder, texts={"a"}), files.tidy):
        left.write_text("secret", "utf-8")
        other.write_text("of somebody else", "utf-8")
        remove()
        assert not left.exists()
        assert other.exists()


def test_a_rehearsal_writes_nothing(folder: Path, files: RecordFiles) -> None:
    files.append([record("a")])
    before = {file: file.read_bytes() for file in folder.iterdir()}
    assert forget_records(folder, texts={"a"}, is_rehearsal=True) == 1
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_forgetting_on_a_full_disk_loses_no_record(
    folder: Path, files: RecordFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.append([record("forget me"), record("kept")])

    class FullLater(Full):
        def write(self, data: Any) -> int:
            return super().write(data) if b"kept" in data or len(data) == 50 else FileIO.write(self, data)

    with monkeypatch.context() as patched:
        patched.setattr(records, "FileIO", FullLater)
        with pytest.raises(OSError, match="No space"):
            forget_records(folder, texts={"forget me"})
    assert texts(folder) == ["forget me", "kept"]
    assert not list(folder.glob("*.unfinished"))


def test_what_forgets_does_not_make_a_file_younger(folder: Path, files: RecordFiles) -> None:
    files.append([record("a", 31), record("b", 31)])
    written(folder, 31)
    forget_records(folder, texts={"a"})
    assert texts(folder) == ["b"]
    files.tidy()
    assert texts(folder) == []


def test_records_that_wait_while_something_is_forgotten_are_refused_once(folder: Path, files: RecordFiles) -> None:
    forget_records(folder, texts={"a"}, is_rehearsal=True)
    assert not files.has_forgotten()
    forget_records(folder, texts={"a"})
    assert not files.append([record("a")])
    assert texts(folder) == []
    assert files.append([record("b")])
    assert texts(folder) == ["b"]


def test_a_service_that_starts_later_has_nothing_to_drop(folder: Path, files: RecordFiles) -> None:
    forget_records(folder, texts={"a"})
    started = RecordFiles(folder, days=30)
    started.open()
    assert started.append([record("a")])


def test_what_is_noted_of_forgetting_does_not_say_what(folder: Path, files: RecordFiles) -> None:
    noted = set[bytes]()
    for _ in range(2):
        forget_records(folder, texts={"a"}, ids={"7"})
        noted.add((folder / ".forgetting").read_bytes())
    assert len(noted) == 2
    assert {len(note) for note in noted} == {16}


def test_a_folder_that_is_removed_is_made_again_as_it_was(folder: Path, files: RecordFiles) -> None:
    files.append([record("gone")])
    shutil.rmtree(folder)
    assert files.append([record("again")])
    assert texts(folder) == ["again"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / ".gitignore").read_text("utf-8") == "*\n"


def test_nothing_is_written_through_a_link(folder: Path, files: RecordFiles, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("", "utf-8")
    file_of(folder, 1).symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"[Ll]ink"):
        files.append([record(days_ago=1)])
    assert elsewhere.read_text("utf-8") == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(folder: Path) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(FileUnwritable, match="records"):
        RecordFiles(folder, days=30).open()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_file_that_root_rewrites_stays_the_services(folder: Path, files: RecordFiles) -> None:
    files.append([record("one", id="1"), record("two", id="2")])
    os.chown(file_of(folder), 12_345, 12_346)
    assert forget_records(folder, ids=["1"]) == 1
    status = file_of(folder).stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (12_345, 12_346, 0o600)
