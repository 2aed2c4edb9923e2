"""The rejects file: line and reason of each row that an import could not use."""

import csv
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

from firstline.files import whole_file
from firstline.messages.records import Reject
from firstline.store.private import make_private

_MOST_REASONS = 100


class RejectsFile:
    """Written under a temporary name and renamed at the end; removed if nothing was rejected.

    With `is_written` false, rejects are counted and nothing is written.
    """

    def __init__(self, path: Path, is_written: bool = True) -> None:
        self.path = path
        self.is_written = is_written
        self.count = 0
        self.first: Reject | None = None
        self.reasons: Counter[str] = Counter()
        """How many rows have each reason; of reasons with numbers in them, only some."""
        self._opened = ExitStack()
        self._file: IO[str] | None = None

    def __enter__(self) -> "RejectsFile":
        return self

    def add(self, reject: Reject) -> None:
        self.first = self.first or reject
        self.count += 1
        if reject.reason in self.reasons or len(self.reasons) < _MOST_REASONS:
            self.reasons[reject.reason] += 1
        if not self.is_written:
            return
        if self._file is None:
            unfinished = self._opened.enter_context(whole_file(self.path))
            make_private(unfinished)
            self._file = self._opened.enter_context(unfinished.open("w", encoding="utf-8", newline=""))
            csv.writer(self._file).writerow(["line", "reason"])
        csv.writer(self._file).writerow([reject.line, reject.reason])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The rejects of an import that failed are kept as well: they may tell why.
        self._opened.close()
        if self.is_written and kind is None and not self.count:
            self.path.unlink(missing_ok=True)
