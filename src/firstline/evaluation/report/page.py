"""Renders the report: one page of HTML without scripts or styles from elsewhere, in Russian or English."""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.resources import files

from babel.dates import format_date
from jinja2 import Environment
from markupsafe import Markup

from firstline.evaluation.report.axes import count_axis, share_axis
from firstline.evaluation.report.data import ReportData
from firstline.evaluation.report.templates_in import make_environment

LANGUAGES = ("ru", "en")
DOMAIN = "report"
_PACKAGE = "firstline.evaluation.report"
_MOST_CHARS = 300
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


def page_policy() -> str:
    """The Content-Security-Policy of pages of this version: it allows their own style and script, nothing else.

    In the sandbox a page has no origin, so that it could reach nothing of the site that serves it.
    """
    style, script = _hash(_text_of("report.css")), _hash(_text_of("sort.js"))
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'; sandbox allow-scripts"
    )


def is_of_this_version(page: str) -> bool:
    """Whether a page has the style and the script that `page_policy` allows."""
    return all(_hash(_text_of(name)) in page for name in ("report.css", "sort.js"))


@cache
def _environment(language: str) -> Environment:
    environment = make_environment(_PACKAGE, DOMAIN, language)
    environment.globals.update(share_axis=share_axis, count_axis=count_axis)
    environment.filters.update(day=_day(language), shortened=_shortened, breakable=_breakable)
    return environment


def _day(language: str) -> Callable[[str], str]:
    def day(text: str) -> str:
        try:
            return str(format_date(datetime.fromisoformat(text), "long", locale=language)) if text else ""
        except ValueError:  # Nothing vouches for what a manifest says about its day.
            return text

    return day


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
