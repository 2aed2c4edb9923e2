"""Passwords: Argon2id hashes, and what a password has to be."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from firstline.errors import UserRefused
from firstline.store.users import folded

LEAST_CHARS = 10
MOST_CHARS = 1_000
_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """The hash to store; it takes about a tenth of a second and 64 MB."""
    return _hasher.hash(password)


def is_password(stored: str, password: str) -> bool:
    """Whether a password has the stored hash. Without a hash the answer is no, after as much work."""
    try:
        return _hasher.verify(stored or _nobodys(), password[:MOST_CHARS]) and bool(stored)
    except (Argon2Error, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with weaker parameters than those of today."""
    return _hasher.check_needs_rehash(stored)


def require_fit(password: str, name: str) -> None:
    """Raises `UserRefused` for a password that is too short, too long, or little more than the user's name."""
    if len(password) < LEAST_CHARS:
        raise UserRefused(
            "password_short", f"A password has at least {LEAST_CHARS} characters.", "Choose a longer one."
        )
    if len(password) > MOST_CHARS:
        raise UserRefused(
            "password_long", f"A password has at most {MOST_CHARS:,} characters.", "Choose a shorter one."
        )
    if len(set(password)) < LEAST_CHARS // 2 or len(folded(password).replace(folded(name), "")) < LEAST_CHARS // 2:
        raise UserRefused(
            "password_weak",
            "The password repeats few characters, or the user's name.",
            "Choose another one: four random words do well.",
        )


@cache
def _nobodys() -> str:
    """What is checked if there is no such user, so that the time of an answer does not tell."""
    return _hasher.hash("")
