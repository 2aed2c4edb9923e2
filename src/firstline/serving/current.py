"""What serves now. It is replaced in one step, so that no answer mixes two models."""

from collections import Counter
from dataclasses import dataclass, field

from firstline.errors import FirstlineError
from firstline.serving.service import Service


@dataclass(slots=True)
class Current:
    """The service that answers from now on. A handler reads it once and keeps what it has read."""

    service: Service
    refused: FirstlineError | None = None
    """Why the model that was promoted last does not serve; None if it does."""
    refusals: Counter[str] = field(default_factory=Counter)
    """How often a model was refused since the process has begun, by the code of the error."""
