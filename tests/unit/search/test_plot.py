"""The chart of a search."""

import xml.etree.ElementTree as ET

from firstline.search.evaluating import Outcome
from firstline.search.evolution import Generation, Trial
from firstline.search.plot import plot_svg


def test_it_shows_every_generation_once() -> None:
    best = Trial({"C": 1.0}, Outcome(0.55, 3, 1.0, (0,)))
    svg = plot_svg("linear.v1", 0.5, [Generation(number, best, 0.52, 4, 0, 0) for number in range(3)])
    said = [text.text for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert [said.count(number) for number in ("0", "1", "2")] == [1, 1, 1]
    assert "Search for settings of linear.v1" in said
    assert {"best so far", "mean of those that live"} <= set(said)
