"""The folds of one candidate in a run: its answers, what it costs to serve, and its error if it failed."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from firstline.errors import RunUnwritable
from firstline.files import whole_file
from firstline.training.folds import Fold

_ERROR_FILE = "error.txt"
_COST_FILE = "cost.json"
_OF_NONE = ("none", "outsiders")
"""Arrays of a fold that are there only if messages of none of the classes are taught."""


class Cost(msgspec.Struct, frozen=True):
    """What a candidate of a run costs to serve."""

    latency_ms: dict[str, float]
    memory_bytes: int
    size_bytes: int

    def __post_init__(self) -> None:
        missing = {"p50", "p99"} - {name for name, value in self.latency_ms.items() if 0 <= value < float("inf")}
        if missing:
            raise ValueError(f"latency_ms has no {', '.join(sorted(missing))}")
        if self.memory_bytes < 0 or self.size_bytes < 0:
            raise ValueError("memory and size cannot be negative")


class SavedFolds:
    """A candidate's folder in a run. Saving raises `RunUnwritable`, and calls `on_save` first."""

    def __init__(self, folder: Path, on_save: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self._on_save = on_save

    def fold(self, repeat: int, number: int) -> Fold | None:
        """A saved fold; None if there is none, or it cannot be read."""
        try:
            with self._fold_file(repeat, number).open("rb") as opened, np.load(opened, allow_pickle=False) as content:
                return Fold(
                    number,
                    content["held_out"],
                    content["probabilities"],
                    content["learned"],
                    float(content["seconds"]),
                    None,
                    *(content.get(name) for name in _OF_NONE),
                )
        # A damaged archive fails in many ways, and a fold can be trained again.
        except Exception:
            return None

    def save_fold(self, repeat: int, fold: Fold) -> None:
        """Save a fold that was trained."""
        self._on_save()
        with written_whole(self._fold_file(repeat, fold.number)) as unfinished, unfinished.open("wb") as opened:
            np.savez(
                opened,
                held_out=fold.held_out,
                probabilities=fold.probabilities,
                learned=fold.learned,
                seconds=np.float64(fold.seconds),
                **{name: found for name in _OF_NONE if (found := getattr(fold, name)) is not None},
            )

    def cost(self) -> Cost | None:
        """The saved cost; None if there is none, or it cannot be read."""
        try:
            return msgspec.json.decode((self.folder / _COST_FILE).read_bytes(), type=Cost)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def save_cost(self, cost: Cost) -> None:
        with written_whole(self.folder / _COST_FILE) as unfinished:
            unfinished.write_bytes(msgspec.json.encode(cost))

    def save_error(self, trace: str) -> Path:
        """Save the error that the candidate failed with; returns the file."""
        file = self.folder / _ERROR_FILE
        with written_whole(file) as unfinished:
            unfinished.write_text(trace, encoding="utf-8")
        return file

    def _fold_file(self, repeat: int, number: int) -> Path:
        return self.folder / f"repeat-{repeat}-fold-{number}.npz"


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """As `whole_file`. Raises `RunUnwritable`."""
    try:
        with whole_file(file) as unfinished:
            yield unfinished
    except OSError as error:
        raise RunUnwritable(
            f"The run cannot be saved in {file.parent}: {error.strerror or error}.",
            "Free some space" if error.errno == errno.ENOSPC else "Check the folder runs of the workspace",
        ) from None
