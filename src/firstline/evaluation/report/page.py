"""Renders the report: one page of HTML without scripts or styles from elsewhere, in Russian or English."""

import base64
import gettext
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal
from babel.support import Translations
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from firstline.evaluation.report.axes import count_axis, share_axis
from firstline.evaluation.report.data import ReportData

LANGUAGES = ("ru", "en")
DOMAIN = "report"
_PACKAGE = "firstline.evaluation.report"
_MOST_CHARS = 300
_MOST_IN_DIGITS = 1e15
_FIXED_BLANK = "\u00a0"
_NOT_IN_HTML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, halves of characters, and what is no character."""


def render_report(data: ReportData, language: str) -> str:
    """The page; the same data give the same page. `language` is one of `LANGUAGES`.

    Texts and names are escaped. Control characters and lone surrogates become the replacement character.
    """
    style, script = _text_of("report.css"), _text_of("sort.js")
    page = _environment(language).get_template("report.html.jinja")
    html = page.render(
        report=data,
        language=language,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return _NOT_IN_HTML.sub("\ufffd", html)


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    translations = _translations(language)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(share_axis=share_axis, count_axis=count_axis)
    environment.filters.update(_filters(language, translations), shortened=_shortened, breakable=_breakable)
    return environment


def _translations(language: str) -> gettext.NullTranslations:
    """English needs no catalogue: its sentences are those of the template."""
    if language == "en":
        return gettext.NullTranslations()
    with (files(_PACKAGE) / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as catalogue:
        return Translations(catalogue, DOMAIN)


def _filters(language: str, translations: gettext.NullTranslations) -> dict[str, Callable[..., Any]]:
    """How numbers and dates are written in this language."""

    def number(value: float, digits: int = 0) -> str:
        if abs(value) > _MOST_IN_DIGITS:
            return f"{value:.3g}"
        return str(format_decimal(value, "#,##0." + "0" * digits if digits else "#,##0", locale=language))

    def hundredths(value: float) -> str:
        """A share as so many of 100; with one decimal if rounding would make it 0 or 100."""
        of_hundred = 100 * value
        if 0 < of_hundred < 1 or 99 < of_hundred < 100:
            return number(min(max(of_hundred, 0.1), 99.9), 1)
        return number(of_hundred)

    def percent(value: float) -> str:
        return f"{hundredths(value)}{_FIXED_BLANK}%"

    def odds(value: float) -> str:
        """A confidence; never 0 or 100 %."""
        if value < 0.01:
            return translations.gettext("under 1\N{NO-BREAK SPACE}%")
        return translations.gettext("over 99\N{NO-BREAK SPACE}%") if value > 0.99 else percent(value)

    def bounds(share: Any, times: float = 100) -> tuple[str, str]:
        return number(times * share.low), number(times * share.high)

    def span(share: Any) -> str:
        """The interval of a share, of 100, as in a sentence: `75 to 81`."""
        low, high = bounds(share)
        return translations.gettext("%(low)s to %(high)s") % {"low": low, "high": high}

    def range_(share: Any, times: float = 100) -> str:
        """The same in a table, of 100 or `times`: `75–81`."""
        return "–".join(bounds(share, times))

    def signed(value: float, digits: int = 1) -> str:
        # Rounded first: what is written as 0 has no sign.
        rounded = round(value, digits)
        return ("+" if rounded > 0 else "\u2212" if rounded < 0 else "") + number(abs(rounded), digits)

    def day(text: str) -> str:
        try:
            return str(format_date(datetime.fromisoformat(text), "long", locale=language)) if text else ""
        except ValueError:  # Nothing vouches for what a manifest says about its day.
            return text

    return {
        "number": number,
        "hundredths": hundredths,
        "percent": percent,
        "odds": odds,
        "span": span,
        "range": range_,
        "signed": signed,
        "day": day,
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_CHARS else text[: _MOST_CHARS - 1] + "…"


def _breakable(name: str) -> Markup:
    """A name that may be broken after each underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def _text_of(name: str) -> str:
    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names a style or a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
