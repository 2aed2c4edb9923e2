import os
import time
from pathlib import Path

import pytest

from firstline.errors import EarlierRunDiffers, FileUnwritable
from firstline.messages.unfinished import n_rows_kept, resumable

MADE_FROM = {"the file": "1", "the model": "2"}


class Stopped(Exception):
    pass


def stop(file: Path, made_from: dict[str, str] = MADE_FROM, n_rows: int = 2) -> None:
    """Keep some rows, as a process does that is stopped afterwards."""
    with pytest.raises(Stopped), resumable(file, made_from) as table:
        table.path.write_text("a\nb\n")
        table.keep(n_rows, 4, {"n_learned": 1})
        raise Stopped


def test_a_table_that_is_complete_leaves_nothing_beside_it(tmp_path: Path) -> None:
    with resumable(tmp_path / "a", MADE_FROM) as table:
        assert (table.n_rows, table.position, table.counts) == (0, 0, {})
        table.path.write_text("whole")
        table.keep(1, 5, {})
    assert (tmp_path / "a").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    stop(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    with resumable(tmp_path / "a", MADE_FROM) as table:
        assert (table.n_rows, table.position, table.counts) == (2, 4, {"n_learned": 1})
        assert table.path.read_text() == "a\nb\n"


def test_rows_made_from_something_else_are_not_thrown_away(tmp_path: Path) -> None:
    stop(tmp_path / "a")
    (folder,) = tmp_path.iterdir()
    with (
        pytest.raises(EarlierRunDiffers, match=r"the model changed since; its first 2 rows are kept") as raised,
        resumable(tmp_path / "a", {**MADE_FROM, "the model": "3"}),
    ):
        pass
    assert str(folder) in raised.value.next_step
    with resumable(tmp_path / "a", MADE_FROM) as table:
        assert table.n_rows == 2


def test_how_many_rows_are_kept_can_be_asked(tmp_path: Path) -> None:
    assert n_rows_kept(tmp_path / "a") == 0
    stop(tmp_path / "a")
    assert n_rows_kept(tmp_path / "a") == 2
    with resumable(tmp_path / "a", MADE_FROM) as table:
        table.path.touch()
    assert n_rows_kept(tmp_path / "a") == 0


def test_nothing_stays_if_no_rows_were_kept(tmp_path: Path) -> None:
    with pytest.raises(Stopped), resumable(tmp_path / "a", MADE_FROM):
        raise Stopped
    assert not list(tmp_path.iterdir())


def test_progress_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    stop(tmp_path / "a")
    (progress,) = tmp_path.glob(".a.*/progress.json")
    progress.write_text("{")
    with resumable(tmp_path / "a", MADE_FROM) as table:
        assert table.n_rows == 0
        table.path.touch()


def test_two_processes_do_not_write_the_same_table(tmp_path: Path) -> None:
    with resumable(tmp_path / "a", MADE_FROM) as table:
        with pytest.raises(FileUnwritable, match="another process is writing it"), resumable(tmp_path / "a", MADE_FROM):
            pass
        table.path.touch()


def test_only_the_owner_reads_what_is_left(tmp_path: Path) -> None:
    stop(tmp_path / "a")
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "progress.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("days", "is_there"), [(6, True), (8, False)])
def test_nobody_resumes_after_a_week(tmp_path: Path, days: int, is_there: bool) -> None:
    stop(tmp_path / "a")
    (folder,) = tmp_path.iterdir()
    os.utime(folder, (time.time() - days * 86_400,) * 2)
    with resumable(tmp_path / "b", MADE_FROM) as table:
        table.path.touch()
    assert folder.exists() == is_there


def test_progress_holds_no_more_than_hashes_and_counts(tmp_path: Path) -> None:
    stop(tmp_path / "a")
    (progress,) = tmp_path.glob(".a.*/progress.json")
    assert progress.read_text() == (
        '{"made_from":{"the file":"1","the model":"2"},"n_rows":2,"position":4,"counts":{"n_learned":1}}'
    )
