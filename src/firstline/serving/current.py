"""What serves now. It is replaced in one step, so that no answer mixes two models."""

from dataclasses import dataclass

from firstline.errors import FirstlineError
from firstline.serving.service import Service


@dataclass(slots=True)
class Current:
    """The service that answers from now on. A handler reads it once and keeps what it has read."""

    service: Service
    refused: FirstlineError | None = None
    """Why the model that was promoted last does not serve; None if it does."""
