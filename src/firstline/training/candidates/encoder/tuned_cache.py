"""Fine-tuned encoders that a workspace keeps, so that one training serves both `encoder.v1` and a teacher."""

import hashlib
import math
import os
import shutil
from contextlib import suppress
from pathlib import Path

from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts.transformer import GRAPH_FILE, Transformer
from firstline.errors import BundleDamaged, FileUnwritable
from firstline.training.encoders.atomic import write_folder

_FOLDER, _DIGEST_FILE, _SECONDS_FILE = "tuned", "sha256", "seconds"
MOST = 8
"""How many stay: as many as the folds of a run and the training on all labels, usually; each takes 40 to 130 MB."""


def kept_part(workspace: Path, key: str, n_labels: int) -> tuple[Transformer, float] | None:
    """The encoder with its head that `keep_part` wrote, and its seconds; None if there is none, or it is damaged.

    `workspace` is what a `Context` has as its folder.
    """
    place = workspace / _FOLDER / key
    try:
        if (place / _DIGEST_FILE).read_text(encoding="utf-8") != _digest(place):
            return None
        part = Transformer.load(PartFiles(place), n_labels)
        # Load the graph into memory and refresh the folder's mtime, so that another training's clean-up keeps it.
        part.graph = (place / GRAPH_FILE).read_bytes()
        os.utime(place)
        seconds = float((place / _SECONDS_FILE).read_text(encoding="utf-8"))
        return (part, seconds) if 0 <= seconds < math.inf else None
    except (OSError, ValueError, BundleDamaged):
        return None


def keep_part(workspace: Path, key: str, part: Transformer, seconds: float) -> None:
    """Keep it, and of all only the newest; if the disk is full, training continues without saving."""
    folder = workspace / _FOLDER
    with suppress(FileUnwritable), write_folder(folder / key) as unfinished:
        part.save(unfinished)
        (unfinished / _SECONDS_FILE).write_text(f"{seconds:.1f}", encoding="utf-8")
        (unfinished / _DIGEST_FILE).write_text(_digest(unfinished), encoding="utf-8")
    with suppress(OSError):
        by_age = sorted((place.stat().st_mtime, place) for place in folder.iterdir())
        finished = [place for _, place in by_age if not place.name.startswith(".")]
        for place in finished[:-MOST]:
            shutil.rmtree(place, ignore_errors=True)


def forget_parts(workspace: Path) -> None:
    """Remove all that is kept, also where its folder is a link to another disk."""
    with suppress(OSError):
        for place in (workspace / _FOLDER).iterdir():
            shutil.rmtree(place, ignore_errors=True)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.name != _DIGEST_FILE):
        with path.open("rb") as file:
            digest.update(path.name.encode() + b"\x00" + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
