"""Runs of `firstline train`, kept in `runs/`: every fold as it is done, then the table.

A run is known by what decides about its figures: data, settings, seed, versions. The same again goes on
where the last one was, whether that was killed or is finished and compared other candidates.
"""

import errno
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from firstline.errors import RunUnwritable
from firstline.files import whole_file
from firstline.training.folds import Fold
from firstline.training.provenance import key_of

FILE_NAME = "run.json"
_ERROR_FILE = "error.txt"
_MESSAGES_FILE = "messages.keys"
_KEY_BYTES = 16
_KEY_LETTERS = 4
_OWN_LETTERS = 8


class RunRow(msgspec.Struct, frozen=True):
    """A line of the table; a candidate that failed has a `problem` and no figures.

    All folds were trained `repeats` times. A blend has the `weights` of its parts, and the names of those that were
    `dropped`, or `too_slow` beside its parts.
    """

    candidate: str
    accuracy: float | None = None
    macro_f1: float | None = None
    macro_precision: float | None = None
    intervals: dict[str, tuple[float, float]] = {}
    training_s: float = 0.0
    latency_ms: dict[str, float] = {}
    memory_bytes: int = 0
    size_bytes: int = 0
    problem: str = ""
    weights: dict[str, float] = {}
    dropped: tuple[str, ...] = ()
    too_slow: tuple[str, ...] = ()
    repeats: int = 1


class RunCard(msgspec.Struct, frozen=True):
    """`run.json`. `key` names what decides about the figures; `finished_at` and `model` are empty until the end.

    `Run.begin` fills in `id` and `started_at`.
    """

    id: str
    key: str
    started_at: str
    n_messages: int
    n_unlabelled: int
    n_classes: int
    folds: int
    seed: int
    rows: tuple[RunRow, ...] = ()
    finished_at: str = ""
    model: str = ""


class Cost(msgspec.Struct, frozen=True):
    """What a candidate of a run costs to serve, and its settings."""

    latency_ms: dict[str, float]
    memory_bytes: int
    size_bytes: int
    settings: dict[str, Any]

    def __post_init__(self) -> None:
        missing = {"p50", "p99"} - {name for name, value in self.latency_ms.items() if 0 <= value < float("inf")}
        if missing:
            raise ValueError(f"latency_ms has no {', '.join(sorted(missing))}")
        if self.memory_bytes < 0 or self.size_bytes < 0:
            raise ValueError("memory and size cannot be negative")


class Run:
    """One run's folder. All writing raises `RunUnwritable`.

    `chosen` is what is set of each candidate, `starts_from` what each starts from, see `Candidate.starts_from`: what
    one said with other settings, or starting from something else, does not count.
    """

    def __init__(
        self, folder: Path, card: RunCard, is_old: bool, chosen: Mapping[str, Mapping[str, object]] | None = None
    ) -> None:
        self.folder = folder
        self.card = card
        self.is_old = is_old
        self.chosen = chosen or {}
        self.starts_from: dict[str, str] = {}

    @classmethod
    def begin(
        cls,
        runs: Path,
        draft: RunCard,
        is_fresh: bool = False,
        chosen: Mapping[str, Mapping[str, object]] | None = None,
    ) -> "Run":
        """Go on with the last run of the same key, or begin one; `is_fresh` begins one in any case."""
        same = [] if is_fresh else [card for card in list_runs(runs) if card.key == draft.key]
        if same:
            return cls(runs / same[0].id, same[0], True, chosen)
        begun = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{draft.key[:_KEY_LETTERS]}"
        names = (begun, *(f"{begun}-{number}" for number in range(2, 100)))
        run_id = next(name for name in names if not (runs / name).exists())
        run = cls(runs / run_id, msgspec.structs.replace(draft, id=run_id, started_at=now()), False, chosen)
        run._keep_card()
        return run

    def keep_messages(self, keys: Iterable[bytes]) -> None:
        """Keep the keys of all messages that are read, 16 bytes each, so that it is known who learned from what."""
        file = self.folder / _MESSAGES_FILE
        if not file.exists():
            with _written_whole(file) as unfinished:
                unfinished.touch(mode=0o600)
                unfinished.write_bytes(b"".join(keys))

    def fold(self, candidate: str, repeat: int, number: int) -> Fold | None:
        """A fold that was kept; None where there is none, or it cannot be read."""
        file = self._fold_file(candidate, repeat, number)
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as content:
                return Fold(
                    number,
                    content["held_out"],
                    content["probabilities"],
                    content["learned"],
                    float(content["seconds"]),
                    None,
                )
        # A damaged archive fails in many ways, and a fold can be trained again.
        except Exception:
            return None

    def keep_fold(self, candidate: str, repeat: int, fold: Fold) -> None:
        """Keep a fold that was trained."""
        self.reopen()
        file = self._fold_file(candidate, repeat, fold.number)
        with _written_whole(file) as unfinished, unfinished.open("wb") as opened:
            np.savez(
                opened,
                held_out=fold.held_out,
                probabilities=fold.probabilities,
                learned=fold.learned,
                seconds=np.float64(fold.seconds),
            )

    def cost(self, candidate: str) -> Cost | None:
        """What was kept of a candidate's cost."""
        try:
            return msgspec.json.decode((self._place(candidate) / "cost.json").read_bytes(), type=Cost)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def keep_cost(self, candidate: str, cost: Cost) -> None:
        with _written_whole(self._place(candidate) / "cost.json") as unfinished:
            unfinished.write_bytes(msgspec.json.encode(cost))

    def keep_error(self, candidate: str, text: str) -> Path:
        """Keep what a candidate died of; returns the file."""
        file = self._place(candidate) / _ERROR_FILE
        with _written_whole(file) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
        return file

    def keep_row(self, row: RunRow, is_withdrawn: bool = False) -> None:
        """Keep a line; a problem does not replace figures of the same candidate that were there.

        But it does those of a blend, whose parts are others each time, and those of one that `is_withdrawn`.
        """
        known = next((known for known in self.card.rows if known.candidate == row.candidate), None)
        if row.problem and known and not (known.problem or known.weights or is_withdrawn):
            return
        rows = [known for known in self.card.rows if known.candidate != row.candidate]
        self.card = msgspec.structs.replace(self.card, rows=(*rows, row))
        self._keep_card()

    def reopen(self) -> None:
        """The run is not finished any more, if it was."""
        if self.card.finished_at:
            self.card = msgspec.structs.replace(self.card, finished_at="", model="")
            self._keep_card()

    def finish(self, model: str) -> None:
        self.card = msgspec.structs.replace(self.card, model=model, finished_at=now())
        self._keep_card()

    def _keep_card(self) -> None:
        with _written_whole(self.folder / FILE_NAME) as unfinished:
            unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(self.card), indent=1))

    def _fold_file(self, candidate: str, repeat: int, number: int) -> Path:
        return self._place(candidate) / f"repeat-{repeat}-fold-{number}.npz"

    def _place(self, candidate: str) -> Path:
        own = {"chosen": self.chosen.get(candidate), "starts_from": self.starts_from.get(candidate)}
        is_plain = not any(own.values())
        return self.folder / (candidate if is_plain else f"{candidate}-{key_of(own)[:_OWN_LETTERS]}")


def list_runs(runs: Path) -> list[RunCard]:
    """The runs that can be read, newest first. Raises `RunUnwritable` where `runs` is no folder."""
    found = []
    if runs.exists() and not runs.is_dir():
        raise RunUnwritable(f"{runs} should be a folder, and is none.", "Move it away.")
    for folder in runs.iterdir() if runs.exists() else []:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            card = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=RunCard)
            if card.id == folder.name:
                found.append(card)
    return sorted(found, key=lambda card: (card.started_at, card.id), reverse=True)


def runs_that_read(runs: Path, keys: Collection[bytes]) -> dict[str, int]:
    """How many of the messages with these keys each run has read, by its id; runs of before keys were kept: -1."""
    found = {}
    for card in list_runs(runs):
        try:
            content = (runs / card.id / _MESSAGES_FILE).read_bytes()
        except OSError:
            found[card.id] = -1
            continue
        read = {content[place : place + _KEY_BYTES] for place in range(0, len(content), _KEY_BYTES)}
        found[card.id] = len(read & set(keys))
    return found


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@contextmanager
def _written_whole(file: Path) -> Iterator[Path]:
    """As `whole_file`. Raises `RunUnwritable`."""
    try:
        with whole_file(file) as unfinished:
            yield unfinished
    except OSError as error:
        raise RunUnwritable(
            f"The run cannot be kept in {file.parent}: {error.strerror or error}.",
            "Make room" if error.errno == errno.ENOSPC else "Check the folder runs of the workspace",
        ) from None
