"""Works on parts of something large on a worker of a Dask cluster.

A worker logs the arguments and the exceptions of tasks that fail, and a part may hold messages. So parts have no
`repr`, and errors are returned.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from distributed import get_worker

from firstline.errors import FirstlineError, TrainingError, kind_of
from firstline.search.identity import check_same, identity


@dataclass(frozen=True)
class SentWork:
    """A function, pickled, and what the machine is that it comes from."""

    work: bytes = field(repr=False)
    identity: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Parcel:
    """A part, pickled."""

    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Failed:
    """What went wrong instead."""

    error: FirstlineError


def work_there(sent: SentWork, parcel: Parcel) -> Any:
    """What the function makes of the part, or `Failed`."""
    try:
        return _opened(sent.work, tuple(sent.identity.items()))(pickle.loads(parcel.content))  # noqa: S301 (our own)
    except FirstlineError as error:
        return Failed(error)
    except Exception as error:
        return Failed(
            TrainingError(
                f"A worker of the cluster cannot take part: {kind_of(error)}.",
                "Install the same versions of Python and Firstline there, with the extras that the model needs.",
            )
        )


@lru_cache(maxsize=2)
def _opened(work: bytes, comes_from: tuple[tuple[str, str], ...]) -> Callable[[Any], Any]:
    """The same function for the same bytes, so that it keeps what it has loaded. Raises `MachineDiffers`."""
    check_same(dict(comes_from), identity(), get_worker().address)
    found: Callable[[Any], Any] = pickle.loads(work)  # noqa: S301 (the one who asks has made it)
    return found
