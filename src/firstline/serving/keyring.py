"""The keys that are in force, and how often each may ask."""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

from firstline.errors import ApiKeysUnusable
from firstline.serving.keys import KEY_CHARS, Key, digest_of, read_keys
from firstline.serving.looking import stamp

_MINUTE_S = 60.0
_log = logging.getLogger("firstline.serving")


class Allowance:
    """A token bucket: `per_minute` requests at once, and as many more as come back with time."""

    __slots__ = ("_clock", "_left", "_most", "_per_s", "_seen")

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = self._left = max(per_minute, 1.0)
        self._per_s = per_minute / _MINUTE_S
        self._clock = clock
        self._seen = clock()

    def take(self) -> int:
        """Take one request. Returns 0, or the whole seconds after which there is one again."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._seen) * self._per_s)
        self._seen = now
        if self._left >= 1:
            self._left -= 1
            return 0
        return math.ceil((1 - self._left) / self._per_s)


class HeldKey:
    """A key that is in force."""

    __slots__ = ("allowance", "entry", "name", "scopes")

    def __init__(self, entry: Key, allowance: Allowance | None) -> None:
        self.entry = entry
        self.name = entry.name
        self.scopes = frozenset(entry.scopes)
        self.allowance = allowance


class KeyRing:
    """The keys in `file`, read again when it changes. Each of several `processes` has its share of a key's rate.

    Without a file no key is needed, until there is one. From then on, or if `is_in_force` says that the service began
    with keys, every request needs one: if the file goes missing or is damaged, the keys read before stay in force, and
    if none were read, every key is refused.
    """

    def __init__(self, file: Path, processes: int = 1, *, is_in_force: bool = False) -> None:
        self._file = file
        self._processes = processes
        self._held: dict[bytes, HeldKey] | None = {} if is_in_force else None
        self._seen: tuple[int, ...] | None = None
        self.look()

    @property
    def is_in_force(self) -> bool:
        """Whether a request needs a key."""
        return self._held is not None

    def find(self, key: bytes) -> HeldKey | None:
        """The entry of a key as a client sent it; None if it is unknown.

        The look-up is by the key's hash, so its time tells nothing about the keys.
        """
        if self._held is None or len(key) != KEY_CHARS:
            return None
        return self._held.get(digest_of(key))

    def look(self) -> None:
        """Read the file again if it has changed. Called from a thread of its own; requests do not wait."""
        seen = stamp(self._file)
        if seen == self._seen:
            return
        self._seen = seen
        if not seen:
            if self._held is not None:
                _log.error("%s is missing; the keys read before stay in force.", self._file)
            return
        try:
            keys = read_keys(self._file)
        except ApiKeysUnusable as error:
            _log.error("The keys read before stay in force: %s", error.message)
            self._held = self._held or {}
            return
        self._replace(keys)
        _log.info("%s in force.", "1 API key is" if len(keys) == 1 else f"{len(keys)} API keys are")

    def _replace(self, keys: tuple[Key, ...]) -> None:
        before = {held.entry: held for held in (self._held or {}).values()}
        # An entry that has not changed keeps what it has used of its rate.
        self._held = {bytes.fromhex(key.sha256): before.get(key) or self._hold(key) for key in keys}

    def _hold(self, key: Key) -> HeldKey:
        return HeldKey(key, None if key.per_minute is None else Allowance(key.per_minute / self._processes))
