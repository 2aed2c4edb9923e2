"""Every sentence of the report is translated, and the compiled catalogue is what its source says."""

import gettext
import re
import tomllib
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import firstline.evaluation.report as report

FOLDER = Path(report.__file__).parent
LOCALE = FOLDER / "locale" / "ru" / "LC_MESSAGES"
SETTINGS = Path(__file__).parents[4] / "pyproject.toml"
PLACEHOLDERS = re.compile(r"%\((\w+)\)s")


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with (LOCALE / "report.po").open("rb") as file:
        return read_po(file, locale="ru")


def sentences() -> set[str]:
    mappings = tomllib.loads(SETTINGS.read_text("utf-8"))["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], mapping["method"]) for mapping in mappings]
    found = extract_from_dir(FOLDER, method_map=methods, options_map={})
    return {found if isinstance(found, str) else found[0] for _, _, found, _, _ in found}


def forms(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def test_every_sentence_is_in_the_catalogue_and_no_other(catalogue: Catalog) -> None:
    known = {message.id if isinstance(message.id, str) else message.id[0] for message in catalogue if message.id}
    assert known == sentences()


def test_every_sentence_is_translated(catalogue: Catalog) -> None:
    assert [message.id for message in catalogue if message.id and (message.fuzzy or not all(forms(message)))] == []


def test_translations_show_the_same_values(catalogue: Catalog) -> None:
    for message in catalogue:
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        wanted = {name for one in ids for name in PLACEHOLDERS.findall(one)}
        for form in forms(message) if message.id else []:
            assert set(PLACEHOLDERS.findall(form)) == wanted, message.id
            if wanted or "%%" in ids[0]:
                assert "%" not in re.sub(r"%%|%\(\w+\)s", "", form), message.id


def test_the_compiled_catalogue_is_up_to_date(catalogue: Catalog) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    with (LOCALE / "report.mo").open("rb") as file:
        ours = gettext.GNUTranslations(file)
    compiled.seek(0)
    theirs = gettext.GNUTranslations(compiled)
    # But for the header, which names the version of Babel.
    sentences = [{**vars(one)["_catalog"], "": ""} for one in (ours, theirs)]
    assert sentences[0] == sentences[1]
