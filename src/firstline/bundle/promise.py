"""What the team asks of routed messages. It is in `models/promise.json`, so that changing it changes no model.

Without the file, 95 % of the routed messages should be right.
"""

from pathlib import Path

import msgspec

from firstline.errors import BundleDamaged
from firstline.files import read_small, refuse_other_kinds, whole_file

FILE_NAME = "promise.json"
_PRECISION = 0.95
_MOST_BYTES = 10_000
_AGAIN = "Promise again: firstline decide --precision 0.95"


class Promise(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of two: at least the share `precision` of routed messages is right, or at most `review` goes to people."""

    precision: float | None = None
    review: float | None = None

    def __post_init__(self) -> None:
        given = [share for share in (self.precision, self.review) if share is not None]
        if len(given) != 1:
            raise ValueError("a promise is either a precision or a share for review")
        # Also false for what is not a number.
        if not 0 < given[0] < 1:
            raise ValueError(f"a promise is a share between 0 and 1, not {given[0]:g}")

    def __str__(self) -> str:
        """`95 % precision`, `at most 20 % review`."""
        return (
            f"{percent(self.precision)} precision" if self.precision else f"at most {percent(self.review or 0)} review"
        )


DEFAULT = Promise(precision=_PRECISION)


def percent(share: float) -> str:
    """`95 %`, `99.5 %`."""
    return f"{100 * share:.6g} %"


def read_promise(models: Path) -> Promise:
    """The promise that is in force. Raises `BundleDamaged`."""
    file = models / FILE_NAME
    try:
        return msgspec.json.decode(read_small(file, _MOST_BYTES), type=Promise)
    except FileNotFoundError:
        return DEFAULT
    except NotADirectoryError:
        raise BundleDamaged(f"{models} is not a folder.", "Move it away.") from None
    except OSError as error:
        raise BundleDamaged(f"{file} cannot be read: {error.strerror}.", _AGAIN) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleDamaged(f"{file} cannot be read: {error}.", _AGAIN) from None


def write_promise(models: Path, promise: Promise) -> None:
    """Put a promise in force. Raises `BundleDamaged` if something else than a file is in its place, or `OSError`."""
    file = models / FILE_NAME
    try:
        refuse_other_kinds(file)
    except FileExistsError:
        raise BundleDamaged(f"{file} is not a file.", "Move it away.") from None
    with whole_file(file) as unfinished:
        unfinished.write_bytes(msgspec.json.encode(promise))
