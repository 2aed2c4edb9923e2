"""`firstline.toml`: written once with every setting commented, read, and taught columns."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from firstline.errors import SettingsInvalid
from firstline.settings.model import Settings

FILE_NAME = "firstline.toml"
_COMMENT_WIDTH = 100


def read_settings(path: Path) -> Settings:
    """The settings in a `firstline.toml`.

    Raises `SettingsInvalid`, naming the setting, what it holds and what is expected.
    """
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"{path} is not valid TOML: {error}.", "Mend that line and run the command again."
        ) from None
    except OSError as error:
        raise SettingsInvalid(
            f"{path} cannot be read: {error.strerror}.", "Check the file and its permissions."
        ) from None
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsInvalid(
            f"{path}: '{name}' {first['msg'][0].lower()}{first['msg'][1:]}, got {first['input']!r}.",
            "Mend it; docs/settings.md describes every setting.",
        ) from None


def settings_text(language: str) -> str:
    """A complete `firstline.toml`: every setting at its default, each under its description."""
    lines = [
        "# The settings of this workspace. Every setting is here, at its default unless you changed it.",
        "# An environment variable wins over this file: FIRSTLINE_TRAINING__SEED=7",
        "",
        *_setting("language", Settings.model_fields["language"], language),
    ]
    for name, section, _ in settings_sections():
        lines += [f"[{name}]", *_comment(section.__doc__ or "")]
        for field, info in section.model_fields.items():
            lines += _setting(field, info, info.default)
    return "\n".join(lines)


def settings_sections() -> Iterator[tuple[str, type[BaseModel], FieldInfo]]:
    """The sections of the settings, as (name, its model, its field)."""
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield name, info.annotation, info


def remember_columns(path: Path, columns: Mapping[str, str | tuple[str, ...]]) -> None:
    """Write column names into the `[columns]` of a settings file; its comments stay as they are."""
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    section: Any = document.setdefault("columns", tomlkit.table())
    for name, value in columns.items():
        section[name] = list(value) if isinstance(value, tuple) else value
    replacement = path.with_suffix(".toml.new")
    replacement.write_text(tomlkit.dumps(document), encoding="utf-8")
    replacement.replace(path)


def _setting(name: str, info: FieldInfo, value: object) -> list[str]:
    plain = list(value) if isinstance(value, tuple) else value
    return [*_comment(info.description or ""), f"{name} = {tomlkit.item(plain).as_string()}", ""]


def _comment(text: str) -> list[str]:
    lines, line = [], "#"
    for word in text.split():
        if len(line) + len(word) >= _COMMENT_WIDTH:
            lines.append(line)
            line = "#"
        line += " " + word
    return [*lines, line]
