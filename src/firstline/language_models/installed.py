"""Language models that are installed, each a distribution of its own: `firstline-ru`, `firstline-en`, a team's own.

A distribution names its module under the entry points `firstline.languages`; the module's folder holds a
language model for each direction. They are found by name, never by a path, and never downloaded.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from firstline.errors import LanguageModelUnusable
from firstline.language_models.card import CARD_FILE, DIRECTIONS, Card, read_card
from firstline.types import Direction

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
    found = []
    problems = []
    for entry_point in entry_points(group=ENTRY_POINTS):
        try:
            found.append(_opened(entry_point))
        except LanguageModelUnusable as error:
            problems.append(error)
    return sorted(found, key=lambda language: (language.name, language.language)), problems


def find_language(name: str, language: str, directions: Sequence[Direction]) -> Language | None:
    """The distribution that `name` means: `auto` is the first of this language that has the directions, `none` is none.

    Raises `LanguageModelUnusable` for a name that is not installed, is of another language or lacks a
    direction. `auto` raises it, too, where what is installed for the language lacks one, and where it
    finds nothing and something installed is broken: that might have been what was meant.
    """
    if name == NONE:
        return None
    installed, problems = installed_languages()
    if name == AUTO:
        fitting = [one for one in installed if one.language == language]
        fitting.sort(key=lambda one: not set(directions) <= set(one.folders))
        if not fitting and problems:
            raise problems[0]
        if not fitting:
            return None
        chosen = fitting[0]
    else:
        chosen = _named(name, language, installed, problems)
    if missing := [direction for direction in directions if direction not in chosen.folders]:
        raise LanguageModelUnusable(
            f"{chosen.name} has no language model that reads {' or '.join(missing)}.",
            "Set directions of ulmfit.v1 to those it has in firstline.toml, or its language_model to 'none'.",
        )
    return chosen


def _named(
    name: str, language: str, installed: Sequence[Language], problems: Sequence[LanguageModelUnusable]
) -> Language:
    named = [one for one in installed if one.name == re.sub(r"[-_.]+", "-", name).lower()]
    if not named:
        known = ", ".join((AUTO, NONE, *(one.name for one in installed)))
        broken = "".join(f" {problem.message}" for problem in problems)
        raise LanguageModelUnusable(f"No language model named '{name}' is installed.{broken}", f"Known: {known}")
    fitting = [one for one in named if one.language == language]
    if not fitting:
        raise LanguageModelUnusable(
            f"{name} is a language model for '{named[0].language}', the workspace's language is '{language}'.",
            "Name another, or set the language in firstline.toml.",
        )
    return fitting[0]


def installed_versions() -> dict[str, str]:
    """The version of each distribution that brings language models, by entry point."""
    return {entry.name: _said_of(entry.dist, "Version") for entry in entry_points(group=ENTRY_POINTS)}


def _said_of(distribution: Distribution | None, key: str) -> str:
    """What a distribution's metadata say; empty where they are lost."""
    try:
        return (distribution.metadata[key] or "") if distribution and key in distribution.metadata else ""
    except FileNotFoundError:
        # The package importlib_metadata, which Dask brings, raises where the standard library does not.
        return ""


def _opened(entry_point: EntryPoint) -> Language:
    distribution = entry_point.dist
    name = _said_of(distribution, "Name")
    if distribution is None or not name:
        raise LanguageModelUnusable(
            f"The distribution of {entry_point.value} has lost its metadata.",
            "Remove it, and install it from its wheel.",
        )
    again = f"Install {name} from its wheel again."
    try:
        spec = find_spec(entry_point.value)
    except (ImportError, ValueError, AttributeError) as error:
        raise LanguageModelUnusable(f"{name} names a module that cannot be found: {error}.", again) from None
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    folders: dict[Direction, Path] = {
        direction: place / direction
        for direction in DIRECTIONS
        for place in places
        if (place / direction / CARD_FILE).is_file()
    }
    if not folders:
        raise LanguageModelUnusable(f"{name} holds no language model.", again)
    cards = {direction: read_card(folder) for direction, folder in folders.items()}
    for direction, card in cards.items():
        if (card.language, card.direction) != (entry_point.name, direction):
            raise LanguageModelUnusable(
                f"{folders[direction]} should hold a language model of '{entry_point.name}' that reads {direction},"
                f" its card says '{card.language}', {card.direction}.",
                again,
            )
    return Language(name, distribution.version, entry_point.name, folders)
