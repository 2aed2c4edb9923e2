"""Renders templates in Russian or English. Everything from the database is escaped."""

import gettext
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from babel.dates import format_date, format_time
from jinja2 import Environment

from firstline.console.assets import assets
from firstline.console.words import NAMES, Language, later
from firstline.evaluation.report.templates_in import make_environment, translations_of

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
    environment = make_environment(_PACKAGE, DOMAIN, language)
    environment.globals.update(asset=lambda name: assets()[name].address, language=language, languages=NAMES)
    environment.filters.update(
        day=lambda at: format_date(at, "medium", locale=language),
        moment=_moment(language),
    )
    return environment


def _moment(language: Language) -> Any:
    """A time in UTC as day and minute by this machine's clock."""

    def moment(at: datetime) -> str:
        here = at.replace(tzinfo=UTC).astimezone()
        return f"{format_date(here, 'medium', locale=language)}, {format_time(here, 'short', locale=language)}"

    return moment


@cache
def _translations(language: Language) -> gettext.NullTranslations:
    return translations_of(_PACKAGE, DOMAIN, language)
