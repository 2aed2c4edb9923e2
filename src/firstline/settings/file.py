"""Reads `firstline.toml`, and saves columns and settings of candidates in it."""

import codecs
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copymode
from typing import Any

import tomlkit
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError
from tomlkit.container import OutOfOrderTableProxy
from tomlkit.items import InlineTable

from firstline.errors import SettingsInvalid
from firstline.files import read_small, whole_file
from firstline.settings.model import Settings
from firstline.settings.renamed import with_new_names

FILE_NAME = "firstline.toml"
_COMMENT_WIDTH = 100
_MOST_BYTES = 1_000_000
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
        raise SettingsInvalid(
            f"An environment variable is not a valid setting: {error}.", 'Write a list as JSON: \'["a", "b"]\''
        ) from None


def _sentence(error: ValidationError, source: str) -> str:
    first = error.errors(include_url=False)[0]
    names = [str(part) for part in first["loc"]]
    variable = "FIRSTLINE_" + "__".join(names).upper()
    where = f"the environment variable {variable}" if variable in map(str.upper, os.environ) else source
    if first["type"] == "extra_forbidden":
        return f"{where}: '{'.'.join(names)}' is not a setting."
    problem = first["msg"].removeprefix("Value error, ")
    return f"{where}: '{'.'.join(names)}' {problem[0].lower()}{problem[1:]}, got {first['input']!r}."


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

    A byte-order mark and the line ends of Windows stay.
    """
    try:
        before = read_small(path, _MOST_BYTES)
        encoding = "utf-8-sig" if before.startswith(codecs.BOM_UTF8) else "utf-8"
        document = tomlkit.parse(before.decode(encoding).replace("\r\n", "\n"))
        yield document
        line_end = "\r\n" if b"\r\n" in before else "\n"
        with whole_file(path) as replacement:
            replacement.write_text(tomlkit.dumps(document), encoding=encoding, newline=line_end)
            copymode(path, replacement)
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
