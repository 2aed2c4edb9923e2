"""Keeps the computed quality of the last few models, because many people look and little changes. It keeps no texts."""

from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from firstline.bundle.promise import read_promise
from firstline.evaluation.report.data import Difference
from firstline.evaluation.report.quality import Quality, difference_between, quality_of
from firstline.store.workspace import Workspace

T = TypeVar("T")
_MOST_KEPT = 8


class Qualities:
    """What models of a workspace are worth. Computed once, until the promise, the model or a run changes."""

    def __init__(self, place: Workspace) -> None:
        self._place = place
        self._lock = Lock()
        self._kept: dict[Hashable, Any] = {}

    def of(self, model: str) -> Quality:
        """The quality of a model under the promise in force. Raises `BundleError`."""
        promise = read_promise(self._place.models)
        return self._once(("quality", model, promise), lambda: quality_of(self._place, model))

    def difference(self, model: str, champion: str) -> Difference | None:
        """See `difference_between`. Raises `BundleError`."""
        return self._once(("difference", model, champion), lambda: difference_between(self._place, model, champion))

    def _once(self, key: tuple[object, ...], compute: Callable[[], T]) -> T:
        # A training that gives the same model again writes its answers into another run.
        changed = (_changed_at(self._place.models / str(key[1])), _changed_at(self._place.runs))
        whole = (*key, changed)
        with self._lock:
            if whole not in self._kept:
                found = compute()
                while len(self._kept) >= _MOST_KEPT:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[whole] = found
            kept: T = self._kept[whole]
            return kept


def _changed_at(path: Path) -> int:
    try:
        return int(path.stat().st_mtime_ns)
    except OSError:
        return 0
