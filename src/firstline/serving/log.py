"""The log of the service."""

import logging
from typing import Any

from firstline.errors import trace_of


def log_to_stderr() -> None:
    """Log to standard error, without texts of messages."""
    to_stderr = logging.StreamHandler()
    to_stderr.setFormatter(WithoutTexts("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_stderr])


class WithoutTexts(logging.Formatter):
    """Writes where an error happened, without the error's text, which may quote a message."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 (its name in the standard library)
        return trace_of(ei[1]) if ei[1] is not None else ""
