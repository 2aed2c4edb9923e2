"""A model's answers to the labelled messages, each by a fold that had not learned it.

A training saves them in its run, without texts; retraining, the report and the list of suspect labels read them. Each
model of a run has a file of its own: the champion's is needed long after the run has made another model.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.errors import InputError
from firstline.store.messages import StoredMessage
from firstline.store.private import make_private
from firstline.types import Label, Message

KEY_BYTES = 16
_CARD_FILE = "run.json"
_SUM_TOLERANCE = 1e-2


@dataclass(frozen=True)
class HeldOut:
    """Answers of `model` to n messages, out of fold; means over the repeats of the folds.

    `keys`, (n, 16) bytes, are those of `StoredMessage.key`. `truth`, (n,), indexes `labels`. `probabilities`,
    (n, n_labels), are calibrated on other folds than their own. `novelty`, (n,), is 0 to 1, higher is less like what
    was learned.
    """

    model: str
    labels: tuple[Label, ...]
    keys: NDArray[np.uint8]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]

    def save(self, file: Path) -> None:
        """Write it as an archive of arrays, without pickle, with mode 600. Raises `OSError`."""
        make_private(file)
        with file.open("wb") as opened:
            np.savez(
                opened,
                model=np.array(self.model),
                labels=np.array(self.labels),
                keys=self.keys,
                truth=self.truth,
                probabilities=self.probabilities,
                novelty=self.novelty,
            )

    @classmethod
    def load(cls, file: Path) -> "HeldOut | None":
        """What `save` wrote; None if there is none, or it is damaged."""
        if not file.is_file():  # A pipe would be waited for.
            return None
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as content:
                # Nothing is packed, so what claims to be larger than the file is not from here.
                if sum(entry.file_size for entry in content.zip.infolist()) > file.stat().st_size:
                    return None
                labels = content["labels"]
                found = cls(
                    str(content["model"]),
                    tuple(str(label) for label in labels),
                    content["keys"],
                    content["truth"],
                    content["probabilities"],
                    content["novelty"],
                )
                return found if labels.dtype.kind == "U" and found._is_sound() else None
        # A damaged archive fails in many ways, and a training can write it again.
        except Exception:
            return None

    def _is_sound(self) -> bool:
        """Whether shapes, types and values are as promised."""
        n, n_labels = len(self.truth), len(self.labels)
        wanted = (
            (self.keys, np.uint8, (n, KEY_BYTES)),
            (self.truth, np.int64, (n,)),
            (self.probabilities, np.float32, (n, n_labels)),
            (self.novelty, np.float32, (n,)),
        )
        if not n or len(set(self.labels)) < n_labels:
            return False
        if any(array.dtype != kind or array.shape != shape for array, kind, shape in wanted):
            return False
        if len(np.unique(self.keys, axis=0)) < n:
            return False
        # Comparisons with NaN are false.
        return bool(
            ((self.truth >= 0) & (self.truth < n_labels)).all()
            and (self.probabilities >= 0).all()
            and (np.abs(self.probabilities.sum(axis=1) - 1) <= _SUM_TOLERANCE).all()
            and ((self.novelty >= 0) & (self.novelty <= 1)).all()
        )


def keys_of(messages: Sequence[Message]) -> NDArray[np.uint8]:
    """The keys of messages, (n, 16)."""
    joined = b"".join(StoredMessage(message.text, message.segment).key for message in messages)
    return np.frombuffer(joined, np.uint8).reshape(-1, KEY_BYTES)


class _Card(msgspec.Struct):
    """What is needed of a run's `run.json`."""

    id: str
    started_at: str


def held_out_file(run: Path, model: str) -> Path:
    """Where a run keeps the answers of a model that it made."""
    return run / f"held_out-{model}.npz"


def find_held_out(runs: Path, model: str) -> HeldOut:
    """The held-out answers of a model, from the newest run that made it.

    Raises `InputError` if there are none: an earlier version trained it, its run was deleted, or the file is damaged.
    """
    cards = sorted(_cards(runs), key=lambda card: (card.started_at, card.id), reverse=True)
    files = [file for card in cards if (file := held_out_file(runs / card.id, model)).exists()]
    for file in files:
        found = HeldOut.load(file)
        if found and found.model == model:
            return found
    why = "its run has none that can be read" if files else "no run in the workspace has them"
    raise InputError(
        f"The answers of model {model} to held-out messages are not known: {why}.",
        "Train again: firstline train. Folds that were saved are reused.",
    )


def _cards(runs: Path) -> Iterator[_Card]:
    for folder in runs.iterdir() if runs.is_dir() else ():
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            card = msgspec.json.decode((folder / _CARD_FILE).read_bytes(), type=_Card)
            if card.id == folder.name:
                yield card
