"""Watches the models and takes a promoted one into service, while the service answers."""

import gc
import logging
import threading
import weakref

from firstline.bundle.predictor import Predictor
from firstline.errors import BundleError, FirstlineError, kind_of
from firstline.serving.current import Current
from firstline.serving.source import Signature, Source

_LOOK_EVERY_S = 0.5
_TRY_AGAIN_S = 10.0
"""After a failure that no change of the files explains, such as a network drive that did not answer."""

_log = logging.getLogger("firstline.serving")


def tidy_memory() -> None:
    """Collect garbage, and exempt what is left from later collections.

    A full collection visits every object of the libraries and the model, which stops the answers for 50 ms.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Watcher:
    """Replaces `current.service` once the files of `source` differ from what was `seen` before it was loaded.

    A model that does not load leaves the old one in service; `current.refused` says why. Thread-safe once started.
    """

    def __init__(self, current: Current, source: Source, seen: Signature) -> None:
        self._current = current
        self._source = source
        self._seen = seen
        self._replaced: weakref.ref[Predictor] | None = None
        """The model that was replaced last, until it has left the memory: a request may still use it."""
        self._is_asked = threading.Event()
        self._is_over = threading.Event()

    def start(self) -> None:
        """Look at the files twice a second, in a thread."""
        threading.Thread(target=self._watch, name="models", daemon=True).start()

    def stop(self) -> None:
        """End the thread; does not wait for it."""
        self._is_over.set()
        self._is_asked.set()

    def look_now(self) -> None:
        """Have the thread load the model again, whether or not a file has changed. Returns at once."""
        self._is_asked.set()

    def look(self, *, is_forced: bool = False) -> None:
        """Load the model again if a file has changed, or if `is_forced`."""
        self._free_replaced()
        try:
            seen = self._source.signature()
            if seen == self._seen and not is_forced:
                return
            self._seen = seen
            self._take()
        except FirstlineError as error:
            self._refuse(error)
        except Exception as error:
            problem = BundleError(f"The model cannot be loaded: {kind_of(error)}.", "See the log of the service.")
            self._refuse(problem, error)

    def _watch(self) -> None:
        refused_looks = 0
        while not self._is_over.is_set():
            is_asked = self._is_asked.wait(_LOOK_EVERY_S)
            self._is_asked.clear()
            if self._is_over.is_set():
                return
            refused_looks = refused_looks + 1 if self._current.refused is not None else 0
            is_due = refused_looks * _LOOK_EVERY_S >= _TRY_AGAIN_S
            if is_due:
                refused_looks = 0
            self.look(is_forced=is_asked or is_due)

    def _take(self) -> None:
        """Raises what `Source.load` raises."""
        old = self._current.service
        self._current.service = old.with_model(self._source.load())
        self._current.refused = None
        now = self._current.service.predictor
        for sentence in now.notes:
            _log.warning(sentence)
        if now.manifest.id == old.model:
            _log.info("Model %s was loaded again.", old.model)
        else:
            _log.info("Model %s serves from now on; before: %s.", now.manifest.id, old.model)
        self._replaced = weakref.ref(old.predictor)
        del old
        self._free_replaced()

    def _free_replaced(self) -> None:
        """Free the model that was replaced last. Its reference cycles keep it until a collection finds them."""
        if self._replaced is None:
            return
        tidy_memory()
        if self._replaced() is None:
            self._replaced = None

    def _refuse(self, error: FirstlineError, cause: Exception | None = None) -> None:
        """Log an error, with the stack of its `cause`, unless it is the same as before."""
        before = self._current.refused
        self._current.refused = error
        self._current.refusals[error.code] += 1
        if before is None or before.message != error.message:
            old = self._current.service.model
            _log.error("Model %s keeps serving, because another is refused: %s", old, error.message, exc_info=cause)
