"""The languages of the console, and marks for sentences that are translated later."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

Language: TypeAlias = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
NAMES: Mapping[Language, str] = {"ru": "Русский", "en": "English"}


def later(sentence: str) -> str:
    """The sentence itself. `make catalogues` finds it; a template translates it with `_(...)`."""
    return sentence


def choose_language(chosen: str | None, accepted: str, otherwise: str) -> Language:
    """The language that was chosen before, else the first of an Accept-Language that there is, else the workspace's."""
    wanted = [chosen or "", *(part.partition(";")[0].strip()[:2].lower() for part in accepted.split(",")), otherwise]
    return next((language for code in wanted for language in LANGUAGES if language == code), "en")
