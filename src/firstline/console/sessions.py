"""Who is signed in: cookies and the sessions behind them."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from secrets import token_urlsafe

from litestar.datastructures import Cookie

from firstline.errors import FirstlineError
from firstline.settings import ConsoleSettings
from firstline.store.database import writing_rows
from firstline.store.sessions import (
    Session,
    begin_session,
    digest_of,
    end_session,
    find_session,
    remove_ended,
    touch_session,
)
from firstline.store.workspace import Workspace

_TOUCH_EVERY_S = 60.0
_MOST_TOKEN_CHARS = 100
_log = logging.getLogger("firstline.console")


class Sessions:
    """The sessions of a workspace. A session's last use is stored in the background, once a minute at most."""

    def __init__(self, place: Workspace, settings: ConsoleSettings) -> None:
        self._place = place
        self.idle_s = settings.idle_minutes * 60.0
        self.most_s = settings.session_hours * 3_600.0
        self._touched: dict[bytes, float] = {}
        self._touching = ThreadPoolExecutor(1, "touching")

    def find(self, token: str) -> Session | None:
        """The session of a cookie, if it is in force. Raises `StoreUnusable`."""
        if not token or len(token) > _MOST_TOKEN_CHARS:
            return None
        with self._place.database.connect() as connection:
            found = find_session(connection, token, self.idle_s, self.most_s)
        if found is not None:
            self._touch(found.token_hash)
        return found

    def begin(self, user_id: int, token_before: str = "") -> str:
        """Begin a session, and end the one that the browser had before. Returns the token. Raises `StoreUnusable`."""
        with writing_rows(self._place.database) as connection:
            remove_ended(connection, self.idle_s, self.most_s)
            if token_before:
                end_session(connection, digest_of(token_before))
            return begin_session(connection, user_id)

    def end(self, token: str) -> None:
        """End a session. Raises `StoreUnusable`."""
        with writing_rows(self._place.database) as connection:
            end_session(connection, digest_of(token))

    def close(self) -> None:
        """Stop storing."""
        self._touching.shutdown(wait=False, cancel_futures=True)

    def _touch(self, token_hash: bytes) -> None:
        now = time.monotonic()
        if now - self._touched.get(token_hash, float("-inf")) < _TOUCH_EVERY_S:
            return
        self._touched = {key: at for key, at in [*self._touched.items()] if now - at < _TOUCH_EVERY_S}
        self._touched[token_hash] = now
        self._touching.submit(self._store_touch, token_hash)

    def _store_touch(self, token_hash: bytes) -> None:
        try:
            with writing_rows(self._place.database) as connection:
                touch_session(connection, token_hash)
        except FirstlineError as error:
            # An import may hold the database; the next request tries again.
            self._touched.pop(token_hash, None)
            _log.warning("The last use of a session is not stored: %s", error.message)


class Cookies:
    """The names and properties of the cookies. Browsers share cookies between ports, so the names hold the port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def session(self, *, is_secure: bool) -> str:
        """The name of the cookie of a session. With `__Host-`, no other name of the domain can set it."""
        return self._name("session", is_secure=is_secure)

    def form(self, *, is_secure: bool) -> str:
        """The name of the cookie whose value the forms of people repeat who have not signed in."""
        return self._name("form", is_secure=is_secure)

    @property
    def language(self) -> str:
        return f"firstline-language-{self._port}"

    def set_session(self, token: str, *, is_secure: bool) -> Cookie:
        return _cookie(self.session(is_secure=is_secure), token, is_secure=is_secure)

    def end_session(self, *, is_secure: bool) -> Cookie:
        return _cookie(self.session(is_secure=is_secure), "", is_secure=is_secure, max_age_s=0)

    def set_form(self, secret: str, *, is_secure: bool) -> Cookie:
        return _cookie(self.form(is_secure=is_secure), secret, is_secure=is_secure)

    def set_language(self, language: str, *, is_secure: bool) -> Cookie:
        return _cookie(self.language, language, is_secure=is_secure, max_age_s=365 * 86_400)

    def _name(self, what: str, *, is_secure: bool) -> str:
        return f"{'__Host-' if is_secure else ''}firstline-{what}-{self._port}"


def new_secret() -> str:
    """256 random bits."""
    return token_urlsafe(32)


def _cookie(name: str, value: str, *, is_secure: bool, max_age_s: int | None = None) -> Cookie:
    return Cookie(name, path="/", value=value, max_age=max_age_s, secure=is_secure, httponly=True, samesite="lax")
