"""The first page of docs/EXPERIMENTS.md holds nothing that its log does not."""

import re
from pathlib import Path

PAGE, _, LOG = (
    (Path(__file__).parent.parent.parent / "docs" / "EXPERIMENTS.md").read_text("utf-8").partition("## The log")
)


def figures(text: str) -> set[str]:
    """Numbers with a decimal point: `.792`, `6.4`."""
    return set(re.findall(r"(?<![\d.])\d*\.\d+", text))


def test_every_figure_of_the_first_page_is_in_the_log() -> None:
    assert figures(PAGE)
    assert sorted(figures(PAGE) - figures(LOG)) == []


def test_the_findings_of_the_first_page_are_in_order() -> None:
    assert re.findall(r"^(\d+)\. \*\*", PAGE, re.MULTILINE) == [str(number) for number in range(1, 24)]
