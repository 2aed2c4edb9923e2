"""The style sheets: they style what the templates name and nothing else, load nothing, and can be read by everyone."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from firstline.console.assets import assets

_CONSOLE = Path(str(files("firstline.console")))
_STYLES = "\n".join(path.read_text() for path in sorted((_CONSOLE / "static").glob("*.css")))
_RULES = re.sub(r"/\*.*?\*/", "", _STYLES, flags=re.DOTALL)
_ONLY_FOR_SCRIPTS = {"card"}


def _classes_in_use() -> set[str]:
    templates = "\n".join(path.read_text() for path in (_CONSOLE / "templates").iterdir())
    scripts = (_CONSOLE / "static" / "label.js").read_text()
    named = re.findall(r'class="([^"]*)"', templates) + re.findall(r'className = "([^"]*)"', scripts)
    kinds = set(re.findall(r"'(bad|warn)'\)", templates))
    return {word for words in named for word in re.sub(r"{{.*?}}", "", words).split()} | kinds


def _styled() -> set[str]:
    selectors = re.findall(r"([^{};]+)\{", _RULES)
    return {name for selector in selectors for name in re.findall(r"\.([a-z][\w-]*)", selector)}


def _luminance(colour: str) -> float:
    digits = colour * 2 if len(colour) == 3 else colour
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(ink: str, paper: str, theme: int) -> float:
    colours = {
        name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\(#([0-9a-f]+), #([0-9a-f]+)\)", _RULES)
    }
    low, high = sorted(_luminance(colours[name][theme]) for name in (ink, paper))
    return (high + 0.05) / (low + 0.05)


def test_every_class_of_a_page_has_a_rule_and_every_rule_a_page() -> None:
    assert _classes_in_use() - _styled() == _ONLY_FOR_SCRIPTS
    assert _styled() - _classes_in_use() == set()


def test_every_style_sheet_is_served() -> None:
    on_disk = {path.name for path in (_CONSOLE / "static").glob("*.css")}
    assert on_disk == {name for name in assets() if name.endswith(".css")}


@pytest.mark.parametrize("loader", ["@import", "url(", "image-set(", "@font-face"])
def test_the_styles_load_nothing(loader: str) -> None:
    assert loader not in _RULES


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper", "least"),
    [
        ("text", "page", 7),
        ("text", "sheet", 7),
        ("text", "brand-tint", 6.9),
        ("text", "masked", 6.9),
        ("dim", "page", 4.5),
        ("dim", "sheet", 4.5),
        ("dim", "brand-tint", 4.5),
        ("brand", "page", 4.5),
        ("brand", "sheet", 4.5),
        ("on-brand", "brand", 4.5),
        ("good", "page", 4.5),
        ("bad", "page", 4.5),
        ("warn", "page", 4.5),
        ("border", "page", 3),
        ("border", "sheet", 3),
    ],
)
def test_the_colours_can_be_read(ink: str, paper: str, least: float, theme: int) -> None:
    assert _contrast(ink, paper, theme) >= least
