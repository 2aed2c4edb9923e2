"""Charts as SVG: drawn by Vega-Lite inside this process, so no browser, script or network is needed."""

import textwrap
from collections.abc import Sequence

import altair as alt
import msgspec
import numpy as np
import vl_convert

from firstline.bundle.learning_curve import Expected, LearningCurve, Point, PowerLaw

WIDTH, HEIGHT = 560, 320
BLUE, ORANGE, GREY = "#1f5fa8", "#c2570c", "#5b6470"
_N_DRAWN, _TITLE_CHARS = 60, 85
_ACCURACY = "accuracy on held-out messages"


def plot_svg(curve: LearningCurve) -> str:
    """Accuracy by number of labels: points with their 95 % interval, the fitted law, what more labels should bring."""
    layers = _measured(curve.points)
    if curve.law and curve.expected:
        layers += _foreseen(curve.points[0].n_labels, curve.law, curve.expected)
    return as_svg(alt.LayerChart(layer=layers, width=WIDTH, height=HEIGHT, title=_title(curve)))


def as_svg(chart: alt.LayerChart) -> str:
    """The chart in the style of all of them."""
    styled = (
        chart.configure(font="Helvetica, Arial, sans-serif", background="white", padding=14)
        .configure_axis(labelFontSize=12, titleFontSize=13, titleFontWeight="normal", labelColor=GREY)
        .configure_view(stroke=None)
        .configure_title(fontSize=16, subtitleFontSize=13, subtitleColor=GREY)
        .configure_legend(orient="bottom-right", labelFontSize=12)
    )
    # No base URL may be read: everything that the chart shows is inside its specification.
    return str(vl_convert.vegalite_to_svg(styled.to_json(), allowed_base_urls=[]))


def _title(curve: LearningCurve) -> alt.TitleParams:
    below = curve.note
    if curve.expected:
        found = curve.expected
        below = (
            f"{curve.more_labels:,} more labels should bring the accuracy to {found.accuracy:.3f}"
            f" ({found.accuracy_low:.3f} to {found.accuracy_high:.3f})"
        )
    lines = [*textwrap.wrap(below, _TITLE_CHARS), "Band and bar: 95 % intervals"]
    return alt.TitleParams(f"Learning curve of {curve.candidate}", subtitle=lines, anchor="start", offset=12)


def _measured(points: Sequence[Point]) -> list[alt.Chart]:
    """The points, the line through them, and the band of their intervals."""
    base = _base([msgspec.to_builtins(point) for point in points])
    return [
        base.mark_area(color=BLUE, opacity=0.15).encode(y=_y("accuracy_low"), y2="accuracy_high:Q"),
        base.mark_line(color=BLUE, strokeWidth=2),
        base.mark_point(color=BLUE, filled=True, size=70, opacity=1),
    ]


def _foreseen(first: int, law: PowerLaw, expected: Expected) -> list[alt.Chart]:
    """The fitted law from `first` labels on, and the point that is expected, with its interval and its figure."""
    sizes = np.linspace(first, expected.n_labels, _N_DRAWN)
    drawn = _base([{"n_labels": size, "accuracy": 1 - law.error(size)} for size in sizes.tolist()])
    base = _base([{**msgspec.to_builtins(expected), "kind": "expected"}])
    kinds = alt.Color("kind:N", scale=alt.Scale(domain=["measured", "expected"], range=[BLUE, ORANGE]), title=None)
    text = alt.Text("accuracy:Q", format=".3f")
    return [
        drawn.mark_line(color=ORANGE, strokeDash=[5, 4], strokeWidth=1.5),
        base.mark_rule(color=ORANGE, strokeWidth=2).encode(y=_y("accuracy_low"), y2="accuracy_high:Q"),
        base.mark_point(shape="diamond", filled=True, size=140, opacity=1).encode(color=kinds),
        base.mark_text(align="right", dx=-10, dy=-8, color=ORANGE, fontSize=13, fontWeight="bold").encode(text=text),
    ]


def _base(rows: list[dict[str, object]]) -> alt.Chart:
    x = alt.X("n_labels:Q", title="labelled messages", scale=alt.Scale(zero=False, nice=True, padding=8))
    chart: alt.Chart = alt.Chart(alt.InlineData(values=rows)).encode(x=x, y=_y("accuracy"))
    return chart


def _y(column: str) -> alt.Y:
    return alt.Y(f"{column}:Q", title=_ACCURACY, scale=alt.Scale(zero=False, nice=True, padding=8))
