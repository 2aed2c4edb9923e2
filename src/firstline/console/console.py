"""What all pages share while the console runs."""

import logging
import time
from asyncio import get_running_loop, sleep
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hmac import compare_digest
from threading import Lock
from typing import TypeVar

from firstline.console.page import Lane, Page
from firstline.console.progress import Counts
from firstline.console.qualities import Qualities
from firstline.console.sessions import Cookies, Sessions, new_secret
from firstline.console.split import SplitMessages
from firstline.console.uploads import Uploads
from firstline.console.visit import Person
from firstline.console.words import later
from firstline.errors import RequestError, SettingsInvalid
from firstline.serving.looking import stamp
from firstline.settings import read_settings
from firstline.store.workspace import Workspace

T = TypeVar("T")
_THREADS: dict[Lane, int] = {"pages": 16, "slow": 2, "sign_in": 2}
_MOST_WAITING: dict[Lane, int] = {"pages": 200, "slow": 10, "sign_in": 50}
_MOST_DELAYED = 500
_LINK_S = 900.0
_log = logging.getLogger("firstline.console")


@dataclass(frozen=True)
class MenuEntry:
    """A page in the menu; `label` is not translated yet."""

    path: str
    label: str


class SingleUse:
    """A link that signs in one user once, within 15 minutes."""

    def __init__(self, user_id: int) -> None:
        self.token = new_secret()
        self._user_id = user_id
        self._until = time.monotonic() + _LINK_S
        self._lock = Lock()
        self._is_used = False

    def take(self, token: str) -> int | None:
        """The user's id, the first time that the right token comes in time."""
        with self._lock:
            is_right = compare_digest(token.encode(), self.token.encode())
            if not is_right or self._is_used or time.monotonic() > self._until:
                return None
            self._is_used = True
            return self._user_id


class Console:
    """The workspace, sessions, uploads, and the threads in which pages run."""

    def __init__(self, place: Workspace, pages: Sequence[Page], port: int, link: SingleUse | None = None) -> None:
        self.place = place
        self.name = place.folder.resolve().name
        self.settings = place.settings.console
        self.cookies = Cookies(port)
        self.sessions = Sessions(place, self.settings)
        self.uploads = Uploads(place.temporary)
        self.split = SplitMessages()
        self.qualities = Qualities(place)
        self.link = link
        self.counts = Counts()
        self.has_own_worker = False
        self._pages = [one for one in pages if one.menu]
        self._threads = {lane: ThreadPoolExecutor(number, lane) for lane, number in _THREADS.items()}
        self._waiting = dict.fromkeys(_THREADS, 0)
        self._n_delayed = 0
        self._seen: tuple[int, ...] = ()

    def look_again(self) -> None:
        """Take up `[classes]` of `firstline.toml` if the file has changed; one that cannot be read changes nothing."""
        seen = stamp(self.place.settings_file)
        if seen == self._seen:
            return
        try:
            classes = read_settings(self.place.settings_file).classes
        except SettingsInvalid as error:
            _log.warning("The settings stay as they were: %s", error.message)
        else:
            self.place = self.place.with_settings(self.place.settings.model_copy(update={"classes": classes}))
        self._seen = seen

    def menu(self, who: Person | None) -> list[MenuEntry]:
        """The pages that a person may see, in the order of `PAGES`."""
        if who is None:
            return []
        return [MenuEntry(one.path, one.menu) for one in self._pages if one.role is None or who.may(one.role)]

    async def run(self, lane: Lane, work: Callable[[], T]) -> T:
        """Do work in a thread of a lane. Raises `RequestError` if too much waits for it."""
        if self._waiting[lane] >= _MOST_WAITING[lane]:
            raise _too_busy()
        self._waiting[lane] += 1
        try:
            return await get_running_loop().run_in_executor(self._threads[lane], work)
        finally:
            self._waiting[lane] -= 1

    async def pause(self, delay_s: float) -> None:
        """Let an answer wait, without a thread and without a place in a lane. Raises `RequestError` if many wait."""
        if not delay_s:
            return
        if self._n_delayed >= _MOST_DELAYED:
            raise _too_busy()
        self._n_delayed += 1
        try:
            await sleep(delay_s)
        finally:
            self._n_delayed -= 1

    def close(self) -> None:
        """End the threads that have nothing to do, and remove what was uploaded."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
        self.sessions.close()
        self.uploads.close()


def _too_busy() -> RequestError:
    return RequestError(
        "too_busy",
        later("The console has too much to do."),
        later("Try again in a moment."),
        status=503,
        retry_after_s=5,
    )
