"""Templates of a package in Russian or English, with its catalogue and the filters for numbers."""

import gettext
from importlib.resources import files

from babel.support import Translations
from jinja2 import Environment, PackageLoader, StrictUndefined

from firstline.evaluation.report.numbers import number_filters


def translations_of(package: str, domain: str, language: str) -> gettext.NullTranslations:
    """The catalogue of a package. English needs none: its sentences are those of the templates."""
    if language == "en":
        return gettext.NullTranslations()
    with (files(package) / "locale" / language / "LC_MESSAGES" / f"{domain}.mo").open("rb") as catalogue:
        return Translations(catalogue, domain)


def make_environment(package: str, domain: str, language: str) -> Environment:
    """Templates that escape everything, and fail on a value that is missing."""
    environment = Environment(
        loader=PackageLoader(package),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    translations = translations_of(package, domain, language)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(number_filters(language, translations.gettext))
    return environment
