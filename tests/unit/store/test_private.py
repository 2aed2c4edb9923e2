import os
from pathlib import Path

import pytest

from firstline.store.private import make_private, remove_abandoned, temporary_folder, write_private


def test_only_the_owner_reads_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("before")
    file.chmod(0o644)
    write_private(file, "после")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text("utf-8") == "после"


def test_a_pipe_keeps_its_mode(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    make_private(pipe)
    os.close(reader)
    assert pipe.stat().st_mode & 0o777 == 0o644


def test_a_temporary_folder_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    with temporary_folder(tmp_path / "tmp") as folder:
        assert folder.parent == tmp_path / "tmp"
        assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
        (folder / "a").write_text("раз")
    assert [path.name for path in (tmp_path / "tmp").iterdir() if path.name != ".lock"] == []


def test_a_temporary_folder_is_gone_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), temporary_folder(tmp_path) as folder:
        raise KeyboardInterrupt
    assert not folder.exists()


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    left = tmp_path / "firstline-0123"
    left.mkdir()
    (left / "conversations.db").write_text("раз")
    with temporary_folder(tmp_path) as used:
        remove_abandoned(tmp_path)
        assert used.exists()
    assert not left.exists()


def test_what_others_keep_there_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with temporary_folder(tmp_path):
        pass
    assert (tmp_path / "mine").exists()
