"""The trials of a search, one line each in `searches/`, so that nothing is computed twice and a search can resume."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from firstline.errors import FileUnwritable
from firstline.search.evaluating import Outcome
from firstline.search.evolution import Trial, spelled
from firstline.search.space import Value

FILE_NAME = "trials.jsonl"


class _Line(msgspec.Struct, frozen=True):
    settings: dict[str, int | float | str | bool]
    outcome: Outcome


class Trials:
    """Those of one candidate on the same data, folds and code. All writing raises `FileUnwritable`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / FILE_NAME
        self._known: dict[str, Outcome] = {}
        try:
            content = self._file.read_bytes()
        except OSError:
            content = b""
        for line in content.splitlines():
            try:
                found = msgspec.json.decode(line, type=_Line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                # What was being written when the search was killed is evaluated again.
                continue
            self._known[spelled(found.settings)] = found.outcome
        self._is_cut_off = bool(content) and not content.endswith(b"\n")

    def __len__(self) -> int:
        return len(self._known)

    def find(self, settings: Mapping[str, Value]) -> Outcome | None:
        return self._known.get(spelled(settings))

    def keep(self, trial: Trial) -> None:
        """Add a line; it is on the disk when this returns."""
        line = msgspec.json.encode(_Line(dict(trial.settings), trial.outcome)) + b"\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab") as file:
                file.write(b"\n" + line if self._is_cut_off else line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise FileUnwritable(
                f"{self._file} cannot be written: {error.strerror}.", "Free some space, then search again: it resumes."
            ) from None
        self._is_cut_off = False
        self._known[spelled(trial.settings)] = trial.outcome
