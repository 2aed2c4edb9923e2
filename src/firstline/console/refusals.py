"""Why a user cannot be added or changed so, in the language of the visit."""

from collections.abc import Mapping

from firstline.console.passwords import LEAST_CHARS
from firstline.console.visit import Visit
from firstline.console.words import later
from firstline.errors import UserRefused

_SENTENCES: Mapping[str, str] = {
    "exists": later("There is a user of this name already."),
    "missing": later("There is no such user any more."),
    "name": later("A name has 1 to 64 characters."),
    "last_admin": later("This is the only admin. Make another one first."),
    "own_role": later("Nobody changes or removes their own account here. Ask another admin."),
    "password_short": later("A password has at least %(n)s characters."),
    "password_long": later("The password is too long."),
    "password_weak": later("This password is easy to guess. Four random words do well."),
    "password_differs": later("The two passwords are not the same."),
    "password_wrong": later("The present password is not right, or was entered too often."),
    "role": later("There is no such role."),
}


def refusal_sentence(visit: Visit, error: UserRefused) -> str:
    """What to show instead of the command line's sentence."""
    sentence = visit.say(_SENTENCES[error.reason])
    return sentence % {"n": LEAST_CHARS} if "%(n)s" in sentence else sentence


def require_same(password: str, again: str) -> None:
    """Raises `UserRefused` if a password was not entered twice alike."""
    if password != again:
        raise UserRefused("password_differs", "The two passwords are not the same.", "Enter it again.")
