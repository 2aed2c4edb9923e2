"""Signing in and out, the language, and the link of the demo."""

from dataclasses import replace
from functools import partial

from firstline.console.asking import SIGN_IN, safe_address, with_form_secret
from firstline.console.page import page
from firstline.console.passwords import hash_password, is_outdated, is_password
from firstline.console.visit import Answer, Delayed, Visit
from firstline.console.words import LANGUAGES
from firstline.store.database import writing_rows
from firstline.store.key import open_key
from firstline.store.sign_ins import Trial, begin_trial, trial_succeeded
from firstline.store.users import find_user, rehash_password

_MOST_NAME_CHARS = 1_000


@page(SIGN_IN, role=None)
def sign_in(visit: Visit) -> Answer:
    """The form. Whoever has signed in already goes on."""
    if visit.who is not None:
        return visit.go_to(safe_address(visit.query.get("next")))
    return _form(visit, next_address=visit.query.get("next"))


@page(SIGN_IN, role=None, method="POST", lane="sign_in")
def enter(visit: Visit) -> Answer | Delayed:
    """Count the try, then look at the password, later if outsiders guess at this account."""
    name = visit.form.get("name")[:_MOST_NAME_CHARS]
    place = visit.place
    with writing_rows(place.database) as connection:
        trial = begin_trial(connection, open_key(place.folder, connection).secret, name, visit.address)
    if trial.wait_s:
        answer = _form(visit, 429, wait_minutes=-(-trial.wait_s // 60), name=name)
        return replace(answer, headers={"Retry-After": str(trial.wait_s)}, error="sign_in_wait")
    return Delayed(trial.delay_s, partial(_checked, visit, trial, name))


def _checked(visit: Visit, trial: Trial, name: str) -> Answer:
    """Sign in if the password is right. A name that does not exist takes as much time."""
    password = visit.form.get("password")
    with visit.place.database.connect() as connection:
        user = find_user(connection, name)
    is_right = is_password(user.password_hash if user is not None else "", password)
    if user is None or user.disabled_at is not None or not is_right:
        return _form(visit, 403, is_wrong=True, name=name)
    with writing_rows(visit.place.database) as connection:
        now = find_user(connection, name)
        if now is None or now.disabled_at is not None or now.password_hash != user.password_hash:
            return _form(visit, 403, is_wrong=True, name=name)
        trial_succeeded(connection, trial)
        if is_outdated(user.password_hash):
            rehash_password(connection, user.id, hash_password(password))
    return _begin(visit, user.id, safe_address(visit.form.get("next")))


@page("/sign-out", role=None, method="POST")
def sign_out(visit: Visit) -> Answer:
    """End the session, here and in the database."""
    if visit.session_token:
        visit.console.sessions.end(visit.session_token)
    return visit.go_to(SIGN_IN).with_cookies(visit.console.cookies.end_session(is_secure=visit.is_secure))


@page("/language", role=None, method="POST")
def choose_language(visit: Visit) -> Answer:
    """Keep the language in a cookie, and go back."""
    answer = visit.go_to(safe_address(visit.form.get("next")))
    chosen = visit.form.get("language")
    if chosen not in LANGUAGES:
        return answer
    return answer.with_cookies(visit.console.cookies.set_language(chosen, is_secure=visit.is_secure))


@page("/demo", role=None)
def demo(visit: Visit) -> Answer:
    """Sign in with the link that `firstline console --demo` prints, once."""
    link = visit.console.link
    user_id = None if link is None else link.take(visit.query.get("token"))
    if user_id is None:
        return _form(visit, 403, is_used=True)
    return _begin(visit, user_id, "/")


def _begin(visit: Visit, user_id: int, address: str) -> Answer:
    """A new session with a new cookie, whatever the browser had before."""
    token = visit.console.sessions.begin(user_id, visit.session_token)
    return visit.go_to(address).with_cookies(visit.console.cookies.set_session(token, is_secure=visit.is_secure))


def _form(
    visit: Visit,
    status: int = 200,
    *,
    name: str = "",
    next_address: str = "",
    is_wrong: bool = False,
    is_used: bool = False,
    wait_minutes: int = 0,
) -> Answer:
    visit, stored = with_form_secret(visit)
    answer = visit.render(
        "sign_in.html.jinja",
        status,
        name=name,
        next_address=safe_address(next_address or visit.form.get("next")),
        is_wrong=is_wrong,
        is_used=is_used,
        wait_minutes=wait_minutes,
    )
    return replace(answer, error="sign_in" if status == 403 else "").with_cookies(*stored.cookies)
