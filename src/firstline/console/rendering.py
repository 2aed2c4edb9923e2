"""Renders templates in Russian or English. Everything from the database is escaped."""

import gettext
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from babel.support import Translations
from jinja2 import Environment, PackageLoader, StrictUndefined

from firstline.console.assets import assets
from firstline.console.words import NAMES, Language, later
from firstline.evaluation.report.numbers import number_filters

DOMAIN = "console"
_PACKAGE = "firstline.console"
_NOT_IN_HTML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, halves of characters, and what is no character."""

_SPAN = later("%(low)s to %(high)s")
"""The words that `number_filters` translates."""


def render(template: str, language: Language, values: Mapping[str, Any]) -> bytes:
    """A page as UTF-8. Control characters and lone surrogates become the replacement character."""
    html = _environment(language).get_template(template).render(values)
    return _NOT_IN_HTML.sub("\ufffd", html).encode()


def translated(sentence: str, language: Language) -> str:
    """A sentence that was marked with `later`; one that has no translation stays as it is."""
    return _translations(language).gettext(sentence)


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(_translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(asset=lambda name: assets()[name].address, language=language, languages=NAMES)
    environment.filters.update(number_filters(language, _translations(language).gettext))
    environment.filters.update(
        number=_decimal(language),
        decimals=_decimal(language, "0.00"),
        tenths=_decimal(language, "#,##0.0"),
        day=lambda at: format_date(at, "medium", locale=language),
        moment=_moment(language),
    )
    return environment


def _decimal(language: Language, pattern: str = "#,##0") -> Any:
    return lambda value: format_decimal(value, pattern, locale=language)


def _moment(language: Language) -> Any:
    """A time in UTC as day and minute by this machine's clock."""

    def moment(at: datetime) -> str:
        here = at.replace(tzinfo=UTC).astimezone()
        return f"{format_date(here, 'medium', locale=language)}, {format_time(here, 'short', locale=language)}"

    return moment


@cache
def _translations(language: Language) -> gettext.NullTranslations:
    """English needs no catalogue: its sentences are those of the templates."""
    if language == "en":
        return gettext.NullTranslations()
    with (files(_PACKAGE) / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as catalogue:
        return Translations(catalogue, DOMAIN)
