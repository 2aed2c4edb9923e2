"""`.work` in the folder of a language model: what its training needs to resume.

`purpose.json`, what is trained; `tokenizer/`; `tokens/`, the encoded sources; `trunk.ckpt` and
`cool_down.ckpt`. It may be deleted once a language model is finished, which then cannot be trained on.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from firstline.errors import CheckpointUnusable, TrainingError
from firstline.files import whole_file
from firstline.language_models.card import CARD_FILE
from firstline.language_models.checkpoint import check_purpose
from firstline.text.tokenizer import Tokenizer

NAME = ".work"
_LOCK_FILE = "lock"


@dataclass(frozen=True)
class WorkFolder:
    """`NAME` in `folder`. `purpose` says what is trained there, value by value."""

    folder: Path
    purpose: Mapping[str, Any]

    @property
    def path(self) -> Path:
        return self.folder / NAME

    @property
    def tokens(self) -> Path:
        return self.path / "tokens"

    @property
    def trunk(self) -> Path:
        return self.path / "trunk.ckpt"

    @property
    def cool_down(self) -> Path:
        return self.path / "cool_down.ckpt"

    @property
    def _purpose_file(self) -> Path:
        return self.path / "purpose.json"

    @property
    def has_work(self) -> bool:
        return self._purpose_file.exists()

    def check(self, is_resumed: bool) -> None:
        """Raise `TrainingError` if the training cannot begin here, `CheckpointUnusable` if it cannot resume."""
        if self.has_work:
            if not is_resumed:
                raise TrainingError(
                    f"{self.folder} already contains a training.",
                    "To resume it, run the same command with --resume. Otherwise name another folder.",
                )
            check_purpose(f"What is in {self.folder}", self._read_purpose(), self.purpose)
        elif (self.folder / CARD_FILE).exists() and is_resumed:
            raise CheckpointUnusable(
                f"The language model in {self.folder} cannot be trained on: the checkpoints in {NAME} are missing.",
                "Name another folder to make a new one.",
            )
        elif self.folder.exists() and any(path.name != NAME for path in self.folder.iterdir()):
            raise TrainingError(f"The folder {self.folder} is not empty.", "Name another folder.")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Make the folder and hold it for one command. Raises `TrainingError` if another command holds it."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / _LOCK_FILE, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise TrainingError(
                f"Another command is training in {self.folder}.", "Wait until it is done, or name another folder."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def keep_tokenizer(self, tokenizer: Tokenizer) -> None:
        """Save the tokenizer and the purpose; from then on, the training can be resumed."""
        folder = self.path / "tokenizer"
        folder.mkdir(exist_ok=True)
        tokenizer.save(folder)
        with whole_file(self._purpose_file) as unfinished:
            unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(dict(self.purpose)), indent=1) + b"\n")

    def tokenizer(self) -> Tokenizer:
        """What `keep_tokenizer` kept. Raises `BundleDamaged`."""
        return Tokenizer.load(self.path / "tokenizer")

    def _read_purpose(self) -> dict[str, Any]:
        try:
            return msgspec.json.decode(self._purpose_file.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CheckpointUnusable(
                f"{self._purpose_file} is damaged: {error}.", "Start over in another folder."
            ) from None
