from pathlib import Path

import pytest

from firstline.messages.records import Reject
from firstline.messages.rejects import RejectsFile


def test_line_and_reason_are_written(tmp_path: Path) -> None:
    with RejectsFile(tmp_path / "imports" / "a.csv") as rejects:
        rejects.add(Reject(3, "no text"))
    assert (tmp_path / "imports" / "a.csv").read_text().splitlines() == ["line,reason", "3,no text"]
    assert (tmp_path / "imports" / "a.csv").stat().st_mode & 0o777 == 0o600


def test_nothing_is_left_where_nothing_was_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("of the last import")
    with RejectsFile(tmp_path / "a.csv"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_rejects_stay_to_be_seen_where_the_import_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), RejectsFile(tmp_path / "a.csv") as rejects:
        rejects.add(Reject(3, "no text"))
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_failure_without_rejects_leaves_the_last_ones(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("of the last import")
    with pytest.raises(RuntimeError), RejectsFile(tmp_path / "a.csv"):
        raise RuntimeError
    assert (tmp_path / "a.csv").read_text() == "of the last import"


def test_of_two_at_once_the_last_to_finish_wins_whole(tmp_path: Path) -> None:
    with RejectsFile(tmp_path / "a.csv") as last:
        last.add(Reject(3, "no text"))
        with RejectsFile(tmp_path / "a.csv") as first:
            first.add(Reject(4, "no text"))
        last.add(Reject(5, "no text"))
    assert (tmp_path / "a.csv").read_text().splitlines() == ["line,reason", "3,no text", "5,no text"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
