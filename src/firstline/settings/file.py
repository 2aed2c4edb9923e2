"""Reads `firstline.toml`, and saves columns and settings of candidates in it."""

import codecs
import json
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copymode
from typing import Any, get_origin

import tomlkit
from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError
from tomlkit.container import OutOfOrderTableProxy
from tomlkit.exceptions import ParseError
from tomlkit.items import InlineTable

from firstline.errors import SettingsInvalid
from firstline.files import read_small, whole_file
from firstline.settings.model import Settings
from firstline.settings.renamed import with_new_names

FILE_NAME = "firstline.toml"
_PREFIX = "FIRSTLINE_"
_OF_NONE = ("FIRSTLINE_CLASSES__NONE", "FIRSTLINE_CLASSES")
_COMMENT_WIDTH = 100
_MOST_BYTES = 1_000_000
_LOCK = ".locks/settings.lock"
_LOCK_WAIT_S = 10
_NEXT_STEP = "Correct it; docs/settings.md describes every setting."


def read_settings(path: Path) -> Settings:
    """The settings in a `firstline.toml`.

    Raises `SettingsInvalid`, naming the setting, what it holds and what is expected.
    """
    try:
        # Notepad writes a byte-order mark, which TOML does not know.
        values = tomllib.loads(read_small(path, _MOST_BYTES).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{path} is not valid TOML: it is not UTF-8.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(
            f"{path} is not valid TOML: {error}.", "Correct that line and run the command again."
        ) from None
    except OSError as error:
        raise SettingsInvalid(
            f"{path} cannot be read: {error.strerror}.", "Check the file and its permissions."
        ) from None
    values = with_new_names(values, path)
    unknown = [name for name in values if name not in Settings.model_fields]
    if unknown:
        raise SettingsInvalid(f"{path}: '{unknown[0]}' is not a setting.", _NEXT_STEP)
    return _settings(values, str(path))


def settings_of_environment() -> Settings:
    """The defaults and the environment variables, for a service without a workspace. Raises `SettingsInvalid`."""
    return _settings({}, "the environment")


def _settings(values: Mapping[str, Any], where: str) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsInvalid(_sentence(error, where), _NEXT_STEP) from None
    except SettingsError as error:
        said = f"The environment variable {name} is not JSON." if (name := _not_json()) else f"Environment: {error}."
        raise SettingsInvalid(said, 'Write a list as JSON: \'["a", "b"]\'') from None


def _sentence(error: ValidationError, source: str) -> str:
    first = error.errors(include_url=False)[0]
    names = [str(part) for part in first["loc"]]
    found = _variables(first["loc"], first["msg"])
    where = f"the environment variable {' and '.join(found)}" if found else source
    if first["type"] == "extra_forbidden":
        return f"{where}: '{'.'.join(names)}' is not a setting."
    problem = first["msg"].removeprefix("Value error, ")
    # A whole section is never shown: it may hold a password.
    got = "" if isinstance(first["input"], Mapping) else f", got {first['input']!r}"
    return f"{where}: '{'.'.join(names)}' {problem[0].lower()}{problem[1:]}{got}."


def _variables(place: Sequence[int | str], problem: str) -> list[str]:
    """The environment variables that set what is wrong at a place of the settings.

    That of the setting itself, of the list that it is an element of, or of the settings of its section that the
    problem names.
    """
    exact = _PREFIX + "__".join(name for name in place if isinstance(name, str)).upper()
    there = sorted(map(str.upper, os.environ))
    return [
        name
        for name in there
        if name == exact or (name.startswith(f"{exact}__") and name.removeprefix(f"{exact}__").lower() in problem)
    ]


def _not_json() -> str | None:
    """The environment variable of a list, a table or a section that is not JSON."""
    for name, value in os.environ.items():
        if name.upper().startswith(_PREFIX) and _is_nested(name.upper().removeprefix(_PREFIX).lower().split("__")):
            try:
                json.loads(value)
            except ValueError:
                return name
    return None


def _is_nested(place: Sequence[str]) -> bool:
    """Whether a place of the settings holds a list, a table or a section."""
    kind: Any = Settings
    for name in place:
        fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
        kind = fields[name].annotation if name in fields else None
    return get_origin(kind) in (tuple, dict) or (isinstance(kind, type) and issubclass(kind, BaseModel))


def settings_sections() -> Iterator[tuple[str, type[BaseModel], FieldInfo]]:
    """The sections of the settings, as (name, its model, its field)."""
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield name, info.annotation, info


def remember_columns(path: Path, columns: Mapping[str, str | tuple[str, ...]]) -> None:
    """Write column names into the `[columns]` of a settings file; its comments stay as they are.

    Raises `SettingsInvalid` if the file cannot be written; it is then unchanged.
    """
    with _rewritten(path, "The columns cannot be saved") as document:
        section: Any = document.setdefault("columns", tomlkit.table())
        for name, value in columns.items():
            section[name] = list(value) if isinstance(value, tuple) else value


def remember_none(path: Path, names: Sequence[str]) -> None:
    """Write `[classes] none` into a settings file: the labels that mean none of the classes.

    Raises `SettingsInvalid` if the file cannot be read or written, or if an environment variable overrides it; it is
    then unchanged.
    """
    read_settings(path)
    if any(name.upper() in _OF_NONE for name in os.environ):
        raise SettingsInvalid(
            "An environment variable sets 'classes.none', which the file cannot change.", f"Change {_OF_NONE[0]}."
        )
    with _rewritten(path, "'classes.none' cannot be saved") as document:
        section: Any = document.setdefault("classes", tomlkit.table())
        section["none"] = list(names)


def remember_candidate(
    path: Path, candidate: str, values: Mapping[str, object], why: str, stays: Collection[str] = ()
) -> None:
    """Replace the settings of a candidate, except those in `stays`, under a comment that says `why`.

    Without values the candidate has its defaults again. Raises `SettingsInvalid` if the file cannot be written; it
    is then unchanged.
    """
    with _rewritten(path, f"The settings of {candidate} cannot be written") as document:
        candidates: Any = document.setdefault("candidates", tomlkit.table())
        if isinstance(candidates, (InlineTable, OutOfOrderTableProxy)):
            # An inline table has no room for a comment, and of tables that lie apart tomlkit loses what is added.
            document.remove("candidates")
            found = candidates.unwrap()
            document["candidates"] = candidates = tomlkit.table()
            for name, settings in found.items():
                candidates[name] = settings
        before = candidates.pop(candidate, {})
        values = {**{name: value for name, value in before.items() if name in stays}, **values}
        if values:
            table = tomlkit.table()
            for line in _comment(why):
                table.add(tomlkit.comment(line.removeprefix("# ")))
            for name, value in values.items():
                table.add(name, value)
            candidates[candidate] = table


@contextmanager
def _rewritten(path: Path, problem: str) -> Iterator[tomlkit.TOMLDocument]:
    """A settings file to be changed, written whole at the end. Raises `SettingsInvalid`.

    A byte-order mark and the line ends of Windows stay. One process or thread after the other, so that what a page and
    a command change at the same time is all kept.
    """
    lock = path.parent / _LOCK
    try:
        lock.parent.mkdir(exist_ok=True)
        with FileLock(lock, timeout=_LOCK_WAIT_S):
            before = read_small(path, _MOST_BYTES)
            encoding = "utf-8-sig" if before.startswith(codecs.BOM_UTF8) else "utf-8"
            document = tomlkit.parse(before.decode(encoding).replace("\r\n", "\n"))
            yield document
            line_end = "\r\n" if b"\r\n" in before else "\n"
            with whole_file(path) as replacement:
                replacement.write_text(tomlkit.dumps(document), encoding=encoding, newline=line_end)
                copymode(path, replacement)
    except Timeout:
        raise SettingsInvalid(f"{problem} in {path}: another command is changing it.", "Try again.") from None
    except (ParseError, UnicodeDecodeError):
        # Somebody has changed it since it was read.
        raise SettingsInvalid(f"{problem} in {path}: it is not valid TOML.", "Correct it.") from None
    except OSError as error:
        raise SettingsInvalid(
            f"{problem} in {path}: {error.strerror}.",
            "Check the permissions and the free space.",
        ) from None


def _comment(text: str) -> list[str]:
    lines, line = [], "#"
    for word in text.split():
        if len(line) + len(word) >= _COMMENT_WIDTH:
            lines.append(line)
            line = "#"
        line += " " + word
    return [*lines, line]
