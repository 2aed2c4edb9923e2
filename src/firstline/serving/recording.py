"""Records answers with their masked texts, if the team asks for it, for people and for monitoring."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from firstline.serving.writing import Writer
from firstline.settings.model import RecordChoice, ServingSettings
from firstline.store.records import RecordedAnswer, RecordFiles
from firstline.types import Message, Prediction

_MOST_BYTES = 16_000_000
_RECORD_BYTES = 500
"""Of one record, without its text."""
_DIGITS = 6

_log = logging.getLogger("firstline.serving")


class Answered(NamedTuple):
    """An answer that is to be recorded. `is_personal` tells whether an id or a segment holds personal data."""

    model: str
    is_personal: Callable[[str], bool]
    request_id: str
    item_id: str | int | None
    message: Message
    prediction: Prediction
    at: float
    since_s: float
    """Since when it waits, by a clock that does not jump."""


class Recorder:
    """Writes records in a thread of its own. Raises `FileUnwritable` if the folder cannot be written to."""

    def __init__(self, folder: Path, days: int, choice: RecordChoice) -> None:
        files = RecordFiles(folder, days)
        files.open()
        self._takes_all = choice == "all"
        self._records = _Records(files)
        self._writer: Writer[Answered] = Writer("records", self._records, _MOST_BYTES)

    @property
    def n_dropped(self) -> int:
        """Records that were never written."""
        return self._writer.n_dropped + self._records.n_dropped

    def record(
        self,
        model: str,
        is_personal: Callable[[str], bool],
        request_id: str,
        item_id: str | int | None,
        message: Message,
        prediction: Prediction,
    ) -> None:
        """Record an answer, if it is of those that are asked for. Returns at once."""
        if self._takes_all or prediction.decision != "route":
            at, since_s = time.time(), time.monotonic()
            answered = Answered(model, is_personal, request_id, item_id, message, prediction, at, since_s)
            self._writer.put(answered, _RECORD_BYTES + 2 * len(message.text))

    def close(self) -> None:
        """Write what is left, in bounded time."""
        self._writer.close()


def open_recorder(folder: Path, settings: ServingSettings) -> Recorder | None:
    """The recorder that the settings ask for; `folder` is what relative paths start from. Raises `FileUnwritable`."""
    place = folder / settings.record_folder
    if settings.record != "none":
        return Recorder(place, settings.record_days, settings.record)
    with suppress(OSError):  # Nobody else deletes what an earlier setting has left.
        RecordFiles(place, settings.record_days).tidy()
    return None


class _Records:
    """Appends records to their files. What does not go through stays here until the next try.

    What waits while `forget` runs is dropped, since it may be what should be forgotten.
    """

    def __init__(self, files: RecordFiles) -> None:
        self._files = files
        self._left: list[RecordedAnswer] = []
        self._is_failing = False
        self._forgotten_s = -math.inf
        self.n_dropped = 0

    def __call__(self, answers: Sequence[Answered]) -> None:
        """Raises `OSError` if something is left."""
        # While writing fails, the writer keeps them: `forget` may have run since they came.
        later = [answered for answered in answers if answered.since_s > self._forgotten_s]
        self._count_dropped(len(answers) - len(later))
        self._left += map(_record, later)
        try:
            # Also with nothing to write: what comes later has not waited.
            if self._files.has_forgotten():
                self._drop_waiting()
            for _, those in groupby(tuple(self._left), lambda record: record.day):
                day = list(those)
                if not self._files.append(day):
                    self._drop_waiting()
                    break
                del self._left[: len(day)]
            self._files.tidy()
        except OSError as error:
            self._tell(error)
            raise
        self._tell(None)

    def _drop_waiting(self) -> None:
        self._forgotten_s = time.monotonic()
        self._count_dropped(len(self._left))
        self._left.clear()

    def _count_dropped(self, n: int) -> None:
        self.n_dropped += n
        if n:
            _log.info("Answers that waited to be recorded are dropped, since `firstline forget` has run: %d.", n)

    def _tell(self, error: OSError | None) -> None:
        """Log that recording fails, or works again; once each."""
        if error is not None and not self._is_failing:
            _log.error("Answers cannot be recorded: %s. They wait, as long as there is room.", error.strerror)
        if error is None and self._is_failing:
            _log.info("Answers are recorded again.")
        self._is_failing = error is not None


def _record(answered: Answered) -> RecordedAnswer:
    first, *others = answered.prediction.ranking[:2]
    message = answered.message

    def harmless(value: str | int | None) -> str | None:
        return None if value is None or answered.is_personal(str(value)) else str(value)

    return RecordedAnswer(
        at=_time(answered.at),
        request=answered.request_id,
        model=answered.model,
        label=first.label,
        confidence=round(first.confidence, _DIGITS),
        decision=answered.prediction.decision,
        reason=answered.prediction.reason,
        text=message.text,
        # The key that would hash them is not on a serving machine.
        segment=harmless(message.segment),
        id=harmless(answered.item_id),
        runner_up=others[0].label if others else None,
        runner_up_confidence=round(others[0].confidence, _DIGITS) if others else None,
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
