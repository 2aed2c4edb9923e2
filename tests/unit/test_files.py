import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from firstline.files import is_disk_full, read_small, whole_file, whole_folder

Whole = Callable[[Path], AbstractContextManager[Path]]
BOTH = pytest.mark.parametrize("whole", [whole_file, whole_folder])


class Stopped(Exception):
    pass


def put(path: Path, content: str) -> None:
    """Into a file, or into the only file of a folder."""
    (path / "content" if path.is_dir() else path).write_text(content)


def content_of(path: Path) -> str:
    return (path / "content" if path.is_dir() else path).read_text()


@BOTH
def test_what_is_written_takes_the_place_of_what_was_there(tmp_path: Path, whole: Whole) -> None:
    for content in ("old", "new"):
        with whole(tmp_path / "one") as unfinished:
            put(unfinished, content)
    assert content_of(tmp_path / "one") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@BOTH
def test_it_has_no_name_before_it_is_whole(tmp_path: Path, whole: Whole) -> None:
    with whole(tmp_path / "one") as unfinished:
        put(unfinished, "new")
        assert not (tmp_path / "one").exists()


@BOTH
def test_what_was_there_stays_if_the_writing_fails(tmp_path: Path, whole: Whole) -> None:
    with whole(tmp_path / "one") as unfinished:
        put(unfinished, "old")
    with pytest.raises(Stopped), whole(tmp_path / "one") as unfinished:
        put(unfinished, "half")
        raise Stopped
    assert content_of(tmp_path / "one") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_folder_that_was_made_for_a_file_goes_if_the_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for folder in ("new", "old"):
        with pytest.raises(Stopped), whole_file(tmp_path / folder / "one") as unfinished:
            put(unfinished, "half")
            raise Stopped
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    with whole_file(tmp_path / "new" / "one") as unfinished:
        put(unfinished, "whole")
    assert content_of(tmp_path / "new" / "one") == "whole"


@BOTH
def test_folders_above_it_are_made(tmp_path: Path, whole: Whole) -> None:
    with whole(tmp_path / "new" / "newer" / "one") as unfinished:
        put(unfinished, "content")
    assert content_of(tmp_path / "new" / "newer" / "one") == "content"


def test_a_folder_that_another_process_put_there_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with whole_folder(tmp_path / "one") as theirs:
        put(theirs, "theirs")
    monkeypatch.setattr("firstline.files.shutil.rmtree", lambda path, **_: None)
    with whole_folder(tmp_path / "one") as ours:
        put(ours, "ours")
    assert content_of(tmp_path / "one") == "theirs"


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda number: names.append([path.name for path in tmp_path.iterdir()]))
    with whole_file(tmp_path / "one") as unfinished:
        put(unfinished, "new")
    assert len(names) == 1
    assert "one" not in names[0]


@BOTH
def test_what_a_killed_process_left_goes_after_an_hour(tmp_path: Path, whole: Whole) -> None:
    for name in (".one.x.unfinished", ".two.x.unfinished", ".mine"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1e9, 1e9))
    (tmp_path / ".three.x.unfinished").touch()
    os.utime(tmp_path / ".three.x.unfinished", (1e9, 1e9))
    (tmp_path / ".two.x.unfinished").touch()
    with whole(tmp_path / "four") as unfinished:
        put(unfinished, "new")
    assert {path.name for path in tmp_path.iterdir()} == {".two.x.unfinished", ".mine", "four"}


@pytest.mark.parametrize("kind", ["folder", "pipe", "stream"])
def test_what_is_not_a_file_stays_where_it_is(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/proc/self/fd/1")
    before = place.lstat()
    with pytest.raises(FileExistsError, match="not a file"), whole_file(place) as unfinished:
        put(unfinished, "new")
    assert place.lstat() == before
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_a_small_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read_small(tmp_path / "file", 3) == read_small(tmp_path / "link", 3) == b"abc"
    with pytest.raises(OSError, match="more than 2 bytes"):
        read_small(tmp_path / "file", 2)


def test_of_a_huge_file_no_more_is_read_than_the_bound(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(OSError, match="more than 1,000 bytes"):
        read_small(tmp_path / "file", 1_000)


def test_what_is_not_a_file_is_not_read_and_a_pipe_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is not a file"):
        read_small(tmp_path / "pipe", 1_000)
    with pytest.raises(IsADirectoryError):
        read_small(tmp_path, 1_000)
    with pytest.raises(FileNotFoundError):
        read_small(tmp_path / "missing", 1_000)


@pytest.mark.parametrize(("number", "is_full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)])
def test_a_full_disk_is_told_apart_also_as_a_cause(number: int, is_full: bool) -> None:
    error = OSError(number, "it failed")
    assert is_disk_full(error) is is_full
    later = ValueError("a model cannot be written")
    later.__cause__ = error
    assert is_disk_full(later) is is_full
    assert not is_disk_full(ValueError("No space left on device"))
