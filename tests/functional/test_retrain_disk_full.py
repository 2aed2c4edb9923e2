"""`firstline retrain` on a full disk: an error in words, the champion stays, and the next run needs only the space."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import champion_id, model_folder
from firstline.types import Message
from tests.commands import Done, run_here
from tests.retrained import ASKED, End, ready_to_retrain

WRITES = {
    "a run": "/runs/",
    "a fold": "fold-1.npz",
    "a model to measure": "/bank/tmp/",
    "a model": "/models/.new-",
    "the held-out answers": "/.held_out-",
    "the record of promotions": "/.promotions.jsonl",
    "the champion": "/.champion.json",
}
"""What is written, and a part of the path where the disk is full."""


@pytest.fixture(scope="module")
def start(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a champion and labels of a new class. Do not change it."""
    return ready_to_retrain(trained, tmp_path_factory.mktemp("start") / "bank")


@pytest.fixture(scope="module")
def undisturbed(start: Path, tmp_path_factory: pytest.TempPathFactory) -> End:
    folder = Path(shutil.copytree(start, tmp_path_factory.mktemp("undisturbed") / "bank"))
    assert run_here("retrain", "-w", folder).returncode == 0
    return End.of(folder)


@pytest.fixture
def place(start: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(start, tmp_path / "bank"))


def retrain(place: Path, full_at: str | None = None) -> Done:
    """Run it while nothing whose path contains `full_at` reaches the disk."""
    sync = os.fsync

    def full(descriptor: int) -> None:
        if full_at is not None and full_at in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        return run_here("retrain", "-w", place)


def assert_failed_in_words(done: Done) -> None:
    assert done.returncode == 1, done.stderr
    error, _, next_step = done.stderr.strip().rpartition("\n")
    assert "Error: " in error, done.stderr
    assert "space" in next_step
    assert "Firstline has a bug" not in done.stderr
    assert "ипотек" not in done.stderr.lower()


def files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if ".locks" not in path.parts}


@pytest.mark.parametrize("write", WRITES)
def test_a_full_disk_leaves_the_champion_and_no_remains(write: str, place: Path, undisturbed: End) -> None:
    before = champion_id(place / "models")
    left = []
    for _ in range(2):
        done = retrain(place, WRITES[write])
        assert_failed_in_words(done)
        assert "no space" in " ".join(done.stderr.lower().split())
        assert champion_id(place / "models") == before
        assert Predictor.load(model_folder(place / "models")).predict([Message(ASKED)])[0].label
        left.append(files(place))
    assert left[0] == left[1]
    assert not [path for path in left[0] if path.endswith(".unfinished") or ".new-" in path]
    done = retrain(place)
    assert done.returncode == 0, done.stderr
    assert End.of(place) == undisturbed


def test_without_space_for_the_report_the_model_counts_and_the_report_comes_later(
    place: Path, undisturbed: End
) -> None:
    done = retrain(place, "/reports/")
    assert done.returncode == 0, done.stderr
    assert "no report: " in done.stderr
    assert os.strerror(errno.ENOSPC) in done.stderr
    assert champion_id(place / "models") == undisturbed.champions[-1]
    assert retrain(place).returncode == 0
    assert End.of(place) == undisturbed


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a disk, and not everywhere")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.slow
def test_a_real_disk_that_is_full_earlier_or_later(start: Path, undisturbed: End, small_disk: Path) -> None:
    n_failed = 0
    for free_kb in range(0, 400, 20):
        place = Path(shutil.copytree(start, small_disk / "bank"))
        before = champion_id(place / "models")
        filler = small_disk / "filler"
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(bytes(max(0, free - free_kb * 1_000)))
        done = run_here("retrain", "-w", place)
        if done.returncode:
            n_failed += 1
            assert_failed_in_words(done)
            assert champion_id(place / "models") == before
        assert Predictor.load(model_folder(place / "models")).predict([Message(ASKED)])[0].label
        filler.unlink()
        again = run_here("retrain", "-w", place)
        assert again.returncode == 0, again.stderr
        assert End.of(place) == undisturbed
        shutil.rmtree(place)
    assert n_failed > 3
