"""`classify` that is stopped: what it says, and what the next command does with the rows that are kept."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from firstline.serving import bulk
from firstline.serving.answering import Answered, Answering, Asked
from tests.commands import Done, Run


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A workspace with a model, and a file of four messages."""
    folder = Path(shutil.copytree(trained, tmp_path / "bank"))
    (folder / "new.csv").write_text("id,text\n" + "".join(f"n{n},банкомат {n}\n" for n in range(4)), "utf-8")
    return folder


def stopped_after(firstline: Run, place: Path, n_rows: int, *arguments: str) -> Done:
    """A command that is stopped as it answers the next row; each row is kept."""
    answer, left = Answering.__call__, n_rows

    def answer_some(self: Answering, asked: Sequence[Asked]) -> Answered:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return answer(self, asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "PART_ROWS", 1)
        patch.setattr(bulk, "_PARTS_KEPT", 1)
        patch.setattr(Answering, "__call__", answer_some)
        done = firstline("classify", "new.csv", *arguments, cwd=place)
    assert done.returncode == 130
    return done


def test_a_stop_says_after_which_row_it_resumes(firstline: Run, place: Path) -> None:
    done = stopped_after(firstline, place, 2, "-o", "out.csv")
    assert "Run the same command again, and it resumes after row 2." in done.stderr
    again = firstline("classify", "new.csv", "-o", "out.csv", cwd=place)
    assert "resumes an earlier run that did not end, after row 2" in again.stderr


@pytest.mark.parametrize(("n_rows", "out"), [(0, "out.csv"), (2, "out.xlsx")])
def test_a_stop_promises_nothing_if_nothing_is_kept(firstline: Run, place: Path, n_rows: int, out: str) -> None:
    done = stopped_after(firstline, place, n_rows, "-o", out)
    assert "Run the same command again, and it starts from the first row." in done.stderr
    assert not list(place.glob(".out.*"))


def test_another_command_does_not_replace_the_rows_that_are_kept(firstline: Run, place: Path) -> None:
    stopped_after(firstline, place, 2, "-o", "out.csv")
    done = firstline("classify", "new.csv", "-o", "out.csv", "--safe-for-excel", cwd=place)
    assert done.returncode == 1
    assert "an option changed since; its first 2 rows are kept" in done.stderr
    (folder,) = place.glob(".out.csv.*")
    assert f"delete the folder {folder.name}" in done.stderr
    shutil.rmtree(folder)
    assert firstline("classify", "new.csv", "-o", "out.csv", "--safe-for-excel", cwd=place).returncode == 0
