"""Watches the models and takes a promoted one into service, while the service answers."""

import gc
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import model_folder
from firstline.errors import BundleError, FirstlineError
from firstline.serving.current import Current
from firstline.serving.service import Service

_LOOK_EVERY_S = 0.5
_TRY_AGAIN_S = 10.0
"""After a failure that no change of the files explains, such as a network drive that did not answer."""

_log = logging.getLogger("firstline.serving")
Signature = tuple[object, ...]


class Watcher:
    """Replaces `current.service` once the files of the models have changed.

    `load` gives the predictor that should serve; its errors leave the old one in service and are told in
    `current.refused`. `watched` are more files that decide about it, such as firstline.toml; `model` is the id of the
    one that serves, if it is not the champion. One thread.
    """

    def __init__(
        self,
        current: Current,
        models: Path,
        load: Callable[[], Predictor],
        watched: tuple[Path, ...] = (),
        model: str | None = None,
    ) -> None:
        self._current = current
        self._models = models
        self._model = model
        self._load = load
        self._watched = (*watched, *(models / name for name in ("champion.json", "promise.json")))
        self._seen = self._signature()
        self._is_asked = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="models", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._is_asked.set()

    def look_now(self) -> None:
        """Load the model anew, whether or not a file has changed. Returns at once."""
        self._is_asked.set()

    def look(self, *, is_forced: bool = False) -> None:
        """Load the model anew if a file has changed."""
        seen = self._signature()
        if seen == self._seen and not is_forced:
            return
        self._seen = seen
        self._take()

    def _watch(self) -> None:
        waited_s = 0.0
        while not self._is_over.is_set():
            is_asked = self._is_asked.wait(_LOOK_EVERY_S)
            self._is_asked.clear()
            if self._is_over.is_set():
                return
            waited_s = waited_s + _LOOK_EVERY_S if self._current.refused is not None else 0.0
            is_asked |= waited_s >= _TRY_AGAIN_S
            waited_s = 0.0 if is_asked else waited_s
            self.look(is_forced=is_asked)

    def _take(self) -> None:
        old = self._current.service
        try:
            predictor = self._load()
        except FirstlineError as error:
            self._refuse(error)
        except Exception as error:
            self._refuse(BundleError(f"The model cannot be loaded: {type(error).__name__}.", "See the log."))
            _log.exception("The model cannot be loaded")
        else:
            self._current.service = Service(predictor, old.models, old.limits)
            self._current.refused = None
            for sentence in predictor.notes:
                _log.warning(sentence)
            _log.info("Serving %s now; before: %s", predictor.manifest.id, old.model)
            del old, predictor
            gc.collect()

    def _refuse(self, error: FirstlineError) -> None:
        before = self._current.refused
        self._current.refused = error
        if before is None or before.message != error.message:
            serving = self._current.service.model
            _log.error("%s goes on serving, since the new model is refused: %s", serving, error.message)

    def _signature(self) -> Signature:
        """What a change of the files changes."""
        try:
            folder = model_folder(self._models, self._model)
        except BundleError:
            files = []
        else:
            files = sorted(folder.rglob("*"))
        return tuple(_stat(file) for file in (*self._watched, *files))


def _stat(file: Path) -> tuple[object, ...]:
    try:
        found = file.stat()
    except OSError:
        return (str(file),)
    return str(file), found.st_mtime_ns, found.st_size, found.st_ino
