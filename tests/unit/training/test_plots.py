"""Charts are read as XML: what they say, and that they ask for nothing from elsewhere."""

import re
from xml.etree import ElementTree

import pytest

from firstline.bundle.learning_curve import Expected, LearningCurve, Point, PowerLaw
from firstline.training.plots import plot_svg

LAW = PowerLaw(0.1, 3.0, 0.5)


def curve(*sizes: int, with_expected: bool = True, note: str = "") -> LearningCurve:
    points = tuple(
        Point(size, 1 - LAW.error(size), 0.9 - LAW.error(size), 1.1 - LAW.error(size), 0.5, 0.4, 0.6, 5, 650)
        for size in sizes
    )
    expected = Expected(1_150, 0.8115, 0.75, 0.87) if with_expected else None
    return LearningCurve("linear.v1", 0, 650, 500, points, LAW if expected else None, expected, expected, note)


def said(svg: str) -> str:
    return " ".join(
        "".join(node.itertext()) for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("text")
    )


def paths(svg: str, kind: str) -> list[ElementTree.Element]:
    return [
        node
        for group in ElementTree.fromstring(svg).iter()
        if f"mark-{kind} role-mark" in group.get("class", "")
        for node in group.iter()
        if node.tag.endswith("path")
    ]


@pytest.fixture(scope="module")
def whole() -> str:
    return plot_svg(curve(162, 260, 390, 520))


def test_title_axes_and_expectation_are_said(whole: str) -> None:
    found = said(whole)
    assert "Learning curve of linear.v1" in found
    assert "500 more labels should bring the accuracy to 0.811 (0.750 to 0.870)" in found
    assert "labelled messages" in found
    assert "accuracy on held-out messages" in found
    assert "95 % interval" in found


def test_band_line_and_law_are_drawn(whole: str) -> None:
    assert len(paths(whole, "area")) == 1
    assert len(paths(whole, "line")) == 2


def test_each_point_and_the_expected_one_are_marked(whole: str) -> None:
    assert len(paths(whole, "symbol")) == 5


def test_nothing_comes_from_elsewhere(whole: str) -> None:
    addresses = set(re.findall(r"https?://[^\"' ]+", whole))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_without_expectation_the_note_stands_in_its_place() -> None:
    svg = plot_svg(curve(162, 260, with_expected=False, note="accuracy does not grow"))
    assert "accuracy does not grow" in said(svg)
    assert len(paths(svg, "symbol")) == 2
    assert len(paths(svg, "line")) == 1


def test_a_single_point_is_drawn() -> None:
    assert len(paths(plot_svg(curve(162, with_expected=False)), "symbol")) == 1
