"""What the service knows of one request; metrics and log read it once the answer is sent."""

import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from firstline.types import Decision, Label

_PLACE = "firstline"


@dataclass(slots=True)
class Exchange:
    """One request and its answer, without texts. Handlers fill it in; `front.Front` begins and ends it."""

    request_id: str
    method: str
    route: str
    """The address, or `other` for one that the service does not have: it may contain anything."""
    began: float = field(default_factory=time.perf_counter)
    status: int = 0
    """0 until the answer begins."""
    key: str = ""
    """The name of the key that was used."""
    client: str = ""
    """The client's address, only if its key was refused: otherwise nobody needs it."""
    model: str = ""
    answers: list[tuple[Label, Decision]] = field(default_factory=list)
    n_failed: int = 0
    """Messages of a batch that got an error instead of an answer."""
    error: str = ""
    """The code of the error that was sent."""
    is_gone: bool = False
    """Whether the client closed the connection before its answer."""


def exchange_of(scope: Mapping[str, Any]) -> Exchange | None:
    """The exchange of a request; None if no `Front` stands before the application, as in tests of it."""
    return scope.get(_PLACE)


def begin(scope: MutableMapping[str, Any], exchange: Exchange) -> None:
    """Hand an exchange to the application."""
    scope[_PLACE] = exchange
