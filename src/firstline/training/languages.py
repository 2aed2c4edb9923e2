"""Language models that are installed, each a distribution of its own: `firstline-ru`, `firstline-en`, a team's own.

A distribution names its module under the entry points `firstline.languages`; the module's folder holds a
language model for each direction. They are found by name, never by a path, and never downloaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from firstline.errors import LanguageModelUnusable, UsageError
from firstline.training.candidates.ulmfit.card import CARD_FILE, DIRECTIONS, Card, Direction, read_card

AUTO, NONE = "auto", "none"
ENTRY_POINTS = "firstline.languages"


@dataclass(frozen=True)
class Language:
    """A distribution with language models. `language` is their language's code, `folders` where each direction lies."""

    name: str
    version: str
    language: str
    folders: Mapping[Direction, Path]

    def cards(self) -> dict[Direction, Card]:
        """What there is to know of each. Raises `LanguageModelUnusable`."""
        return {direction: read_card(folder) for direction, folder in self.folders.items()}


def installed_languages() -> tuple[list[Language], list[LanguageModelUnusable]]:
    """Those that can be used, by name, and what is wrong with the others."""
    found: dict[str, Language] = {}
    problems = []
    for entry_point in entry_points(group=ENTRY_POINTS):
        try:
            language = _opened(entry_point)
        except LanguageModelUnusable as error:
            problems.append(error)
        else:
            # A distribution that is on the path twice counts where Python finds it first.
            found.setdefault(language.name, language)
    return [found[name] for name in sorted(found)], problems


def resolve(name: str, language: str, directions: Sequence[Direction]) -> Language | None:
    """The distribution that `name` means: `auto` is the first of this language that has the directions, `none` is none.

    Raises `UsageError` for a name that is not installed, is of another language or lacks a direction.
    """
    if name == NONE:
        return None
    installed, problems = installed_languages()
    if name == AUTO:
        fitting = (one for one in installed if one.language == language and set(directions) <= set(one.folders))
        return next(fitting, None)
    chosen = next((one for one in installed if one.name == name), None)
    if chosen is None:
        known = ", ".join((AUTO, NONE, *(one.name for one in installed)))
        broken = "".join(f" {problem.message}" for problem in problems)
        raise UsageError(f"No language model named '{name}' is installed.{broken}", f"Known: {known}")
    if chosen.language != language:
        raise UsageError(
            f"{name} is a language model for '{chosen.language}', the workspace's language is '{language}'.",
            "Name another, or set the language in firstline.toml.",
        )
    if missing := [direction for direction in directions if direction not in chosen.folders]:
        raise UsageError(
            f"{name} has no language model that reads {' or '.join(missing)}.",
            "Set ulmfit.directions in firstline.toml to those it has.",
        )
    return chosen


def _opened(entry_point: EntryPoint) -> Language:
    distribution = entry_point.dist
    name = distribution.name if distribution else entry_point.value
    spec = find_spec(entry_point.module)
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    folders: dict[Direction, Path] = {
        direction: place / direction
        for direction in DIRECTIONS
        for place in places
        if (place / direction / CARD_FILE).is_file()
    }
    if not folders:
        raise LanguageModelUnusable(f"{name} holds no language model.", f"Install it again: pip install {name}")
    languages = {read_card(folder).language for folder in folders.values()}
    if len(languages) > 1:
        raise LanguageModelUnusable(
            f"{name} holds models of several languages: {', '.join(sorted(languages))}.",
            "Pack it again: firstline languages pack",
        )
    return Language(name, distribution.version if distribution else "", languages.pop(), folders)
