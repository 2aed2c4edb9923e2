import os
import threading
from pathlib import Path

import polars as pl
import pytest

from firstline.errors import FileUnreadable
from firstline.messages.pipes import readable


def through_pipe(tmp_path: Path, content: bytes) -> tuple[str, bytes]:
    """The ending of the copy, and what is in it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    with readable(pipe, tmp_path / "room") as copy:
        writer.join()
        assert copy.parent.parent == tmp_path / "room"
        assert copy.stat().st_mode & 0o077 == 0
        found = copy.suffix, copy.read_bytes()
    assert not copy.exists()
    return found


def test_a_file_is_read_where_it_lies(tmp_path: Path) -> None:
    with readable(tmp_path / "a.csv", tmp_path / "room") as path:
        assert path == tmp_path / "a.csv"
    assert not (tmp_path / "room").exists()


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (b"id,text\n1,a\n", ".csv"),
        (b"", ".csv"),
        (b'\xef\xbb\xbf[{"text": "a"}]', ".json"),
        (b'{"text": "a"}\n{"text": "b"}\n', ".jsonl"),
        (b'{\n "text": "a"}', ".json"),
    ],
)
def test_a_pipe_is_copied_and_its_format_found_out(tmp_path: Path, content: bytes, ending: str) -> None:
    assert through_pipe(tmp_path, content) == (ending, content)


def test_parquet_may_come_through_a_pipe(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["раз"]}).write_parquet(tmp_path / "a.parquet")
    assert through_pipe(tmp_path, (tmp_path / "a.parquet").read_bytes())[0] == ".parquet"


def test_an_error_about_the_copy_names_the_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"id,text\n",))
    writer.start()
    with pytest.raises(FileUnreadable) as caught, readable(pipe, tmp_path / "room") as copy:
        raise FileUnreadable(f"{copy} has no rows.", f"Look at {copy}.")
    writer.join()
    assert (str(caught.value), caught.value.message) == (f"{pipe} has no rows.", f"{pipe} has no rows.")
    assert caught.value.next_step == f"Look at {pipe}."
