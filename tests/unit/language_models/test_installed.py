import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from firstline.errors import LanguageModelUnusable
from firstline.language_models.installed import find_language, installed_languages
from firstline.language_models.model import LanguageModel
from firstline.types import Direction
from tests.unit.language_models.pretraining import small_language_model

BOTH: tuple[Direction, ...] = ("forward", "backward")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python finds distributions in, and no other."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        "firstline.language_models.installed.entry_points", lambda group: _entry_points(tmp_path, group)
    )
    return tmp_path


def _entry_points(site: Path, group: str) -> object:
    from importlib.metadata import distributions

    return [
        entry_point
        for distribution in distributions(path=[str(site)])
        for entry_point in distribution.entry_points.select(group=group)
    ]


def install(
    site: Path, name: str, language: str = "ru", directions: Sequence[Direction] = BOTH, version: str = "1.0"
) -> Path:
    """As pip leaves a distribution."""
    module = name.replace("-", "_")
    package, info = site / module, site / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[firstline.languages]\n{language} = {module}\n")
    model = small_language_model()
    for direction in directions:
        card = msgspec.structs.replace(model.card, language=language, direction=direction)
        LanguageModel(card, model.tokenizer, model.weights).save(package / direction)
    return package


def test_nothing_installed_is_no_error(site: Path) -> None:
    assert installed_languages() == ([], [])
    assert find_language("auto", "ru", BOTH) is None


def test_they_are_found_with_version_language_and_folders(site: Path) -> None:
    install(site, "firstline-ru", version="1.2")
    install(site, "firstline-en", "en", ["forward"])
    found, problems = installed_languages()
    assert not problems
    assert [(one.name, one.version, one.language) for one in found] == [
        ("firstline-en", "1.0", "en"),
        ("firstline-ru", "1.2", "ru"),
    ]
    assert dict(found[1].folders) == {direction: site / "firstline_ru" / direction for direction in BOTH}
    assert found[0].cards().keys() == {"forward"}


def test_auto_takes_the_one_of_the_language_that_has_the_directions(site: Path) -> None:
    install(site, "a-bank-ru", directions=["forward"])
    install(site, "firstline-en", "en")
    install(site, "firstline-ru")
    asked: list[tuple[str, Sequence[Direction]]] = [("ru", BOTH), ("ru", ["forward"]), ("de", BOTH)]
    found = [find_language("auto", *one) for one in asked]
    assert [one.name if one else None for one in found] == ["firstline-ru", "a-bank-ru", None]


def test_auto_does_not_pass_over_what_is_installed_for_the_language(site: Path) -> None:
    install(site, "firstline-ru", directions=["forward"])
    with pytest.raises(LanguageModelUnusable, match="firstline-ru has no language model that reads backward"):
        find_language("auto", "ru", BOTH)
    (install(site, "firstline-en", "en") / "forward" / "card.json").write_text("{")
    with pytest.raises(LanguageModelUnusable, match=r"card\.json is"):
        find_language("auto", "en", BOTH)
    assert find_language("auto", "ru", ["forward"])


def test_none_takes_none(site: Path) -> None:
    install(site, "firstline-ru")
    assert find_language("none", "ru", BOTH) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("firstline-de", "No language model named 'firstline-de' is installed"),
        ("firstline-en", "is a language model for 'en', the workspace's language is 'ru'"),
        ("a-bank-ru", "has no language model that reads backward"),
    ],
)
def test_a_name_that_does_not_fit_is_an_error(site: Path, name: str, expected: str) -> None:
    install(site, "firstline-en", "en")
    install(site, "a-bank-ru", directions=["forward"])
    with pytest.raises(LanguageModelUnusable, match=expected):
        find_language(name, "ru", BOTH)


def test_a_broken_distribution_is_told_and_the_others_are_found(site: Path) -> None:
    install(site, "firstline-ru")
    install(site, "firstline-de", "de", [])
    (install(site, "firstline-en", "en") / "forward" / "card.json").write_text("{")
    found, problems = installed_languages()
    assert [one.name for one in found] == ["firstline-ru"]
    assert (
        sorted(problem.message.split("/")[-1][:40] for problem in problems)[1]
        == "firstline-de holds no language model."
    )
    assert any("card.json is" in problem.message for problem in problems)
    with pytest.raises(LanguageModelUnusable, match="firstline-de holds no language model"):
        find_language("firstline-de", "ru", BOTH)


def test_a_card_that_is_not_of_its_place_is_a_problem(site: Path) -> None:
    package = install(site, "firstline-ru")
    for name in ("card.json", "weights.safetensors"):
        (package / "backward" / name).write_bytes((package / "forward" / name).read_bytes())
    found, problems = installed_languages()
    assert not found
    assert "that reads backward, its card says 'ru', forward" in problems[0].message


def test_a_distribution_without_metadata_is_a_problem(site: Path) -> None:
    install(site, "firstline-en", "en")
    install(site, "firstline-ru")
    for file in site.glob("*.dist-info/METADATA"):
        file.unlink()
    found, problems = installed_languages()
    assert not found
    assert sorted(problem.message for problem in problems) == [
        "The distribution of firstline_en has lost its metadata.",
        "The distribution of firstline_ru has lost its metadata.",
    ]


def test_a_name_may_be_written_as_its_module_is(site: Path) -> None:
    install(site, "firstline-ru")
    found = find_language("Firstline_ru", "ru", BOTH)
    assert found
    assert found.name == "firstline-ru"


@pytest.mark.parametrize("module", ["broken-name", "nowhere", "nowhere.sub", "", "a:b c"])
def test_an_entry_point_that_leads_nowhere_is_a_problem(site: Path, module: str) -> None:
    install(site, "firstline-ru")
    file = site / "firstline_ru-1.0.dist-info" / "entry_points.txt"
    file.write_text(f"[firstline.languages]\nru = {module}\n")
    found, problems = installed_languages()
    assert not found
    assert [problem.next_step for problem in problems] == ["Install firstline-ru from its wheel again."]


def test_a_distribution_may_hold_two_languages(site: Path) -> None:
    install(site, "firstline-ru")
    install(site, "firstline-en", "en")
    file = site / "firstline_ru-1.0.dist-info" / "entry_points.txt"
    file.write_text("[firstline.languages]\nru = firstline_ru\nen = firstline_en\n")
    shutil.rmtree(site / "firstline_en-1.0.dist-info")
    assert [(one.name, one.language) for one in installed_languages()[0]] == [
        ("firstline-ru", "en"),
        ("firstline-ru", "ru"),
    ]
    found = find_language("firstline-ru", "en", BOTH)
    assert found
    assert found.folders["forward"] == site / "firstline_en" / "forward"
