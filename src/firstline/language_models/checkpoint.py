"""Checkpoints of a training: written whole or not at all, read back without pickle's powers."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from firstline.errors import CheckpointUnusable
from firstline.files import whole_file

FORMAT_VERSION = 1
_START_OVER = "Start over without --resume, in another folder or after removing this one."


def save_checkpoint(path: Path, purpose: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write `state` under `path`. `purpose` says what is trained, so that another training does not resume from it.

    Raises `CheckpointUnusable` if it cannot be written; the previous one then stays.
    """
    content = {"format_version": FORMAT_VERSION, "purpose": dict(purpose), "state": dict(state)}
    try:
        with whole_file(path) as unfinished, unfinished.open("wb") as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:
        # PyTorch says of a full disk where in its own code it noticed.
        why = error.strerror if isinstance(error, OSError) else "the disk took a part of it only"
        raise CheckpointUnusable(
            f"The checkpoint {path} cannot be written: {why}.",
            "Make room, then run the same command again; firstline pretrain with --resume.",
        ) from None


def load_checkpoint(path: Path, purpose: Mapping[str, Any]) -> dict[str, Any] | None:
    """The state saved under `path`; None if there is no checkpoint.

    Raises `CheckpointUnusable` if it is damaged, of another version, or of a training with another purpose, and says
    what differs.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        first = (str(error).splitlines() or ["it cannot be read"])[0]
        raise CheckpointUnusable(f"The checkpoint {path} is damaged: {first}.", _START_OVER) from None
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise CheckpointUnusable(
            f"The checkpoint {path} is of format version {version}; this Firstline reads {FORMAT_VERSION}.", _START_OVER
        )
    check_purpose(f"The checkpoint {path}", content["purpose"], purpose)
    state: dict[str, Any] = content["state"]
    return state


def check_purpose(what: str, found: Mapping[str, Any], purpose: Mapping[str, Any]) -> None:
    """Raise `CheckpointUnusable`, saying what differs, if `what` was found to be of another training."""
    for name, expected in purpose.items():
        if found.get(name) != expected:
            raise CheckpointUnusable(
                f"{what} is of another training: its {name} is {found.get(name)}, expected {expected}.", _START_OVER
            )
