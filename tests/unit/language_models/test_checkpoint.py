import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from firstline.errors import CheckpointUnusable
from firstline.language_models.checkpoint import load_checkpoint, save_checkpoint

PURPOSE = {"size": "small", "seed": 0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "trunk.ckpt"
    save_checkpoint(path, PURPOSE, {"n_rounds": 3, "weights": torch.arange(4.0)})
    return path


def test_what_was_saved_is_loaded(path: Path) -> None:
    state = load_checkpoint(path, PURPOSE)
    assert state is not None
    assert state["n_rounds"] == 3
    assert state["weights"].tolist() == [0, 1, 2, 3]
    assert list(path.parent.iterdir()) == [path]


def test_none_is_there(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "trunk.ckpt", PURPOSE) is None


def test_another_purpose_is_an_error_that_says_what_differs(path: Path) -> None:
    with pytest.raises(CheckpointUnusable, match="its size is small, expected base"):
        load_checkpoint(path, {**PURPOSE, "size": "base"})


@pytest.mark.parametrize("n_bytes", [0, 10, 700])
def test_a_damaged_checkpoint_is_named(path: Path, n_bytes: int) -> None:
    os.truncate(path, n_bytes)
    with pytest.raises(CheckpointUnusable, match=r"trunk\.ckpt is damaged"):
        load_checkpoint(path, PURPOSE)


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("harm",)


def test_a_checkpoint_runs_no_code(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"format_version": 1, "purpose": PURPOSE, "state": Harmful()}, path)
    with pytest.raises(CheckpointUnusable, match="is damaged"):
        load_checkpoint(path, PURPOSE)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [{"format_version": 2}, {}, [1]])
def test_another_format_version_is_an_error(path: Path, content: Any) -> None:
    torch.save(content, path)
    with pytest.raises(CheckpointUnusable, match="this Firstline reads 1"):
        load_checkpoint(path, PURPOSE)


def test_a_disk_that_takes_a_part_only_leaves_the_one_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 106112 vs 106004")

    with monkeypatch.context() as patch, pytest.raises(CheckpointUnusable, match="the disk took a part of it only"):
        patch.setattr(torch, "save", save)
        save_checkpoint(path, PURPOSE, {"n_rounds": 4})
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_one_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(CheckpointUnusable, match="No space left on device"):
        patch.setattr(os, "fsync", sync)
        save_checkpoint(path, PURPOSE, {"n_rounds": 4})
    state = load_checkpoint(path, PURPOSE)
    assert state is not None
    assert state["n_rounds"] == 3
    assert list(path.parent.iterdir()) == [path]
