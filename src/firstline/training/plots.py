"""Charts as SVG: drawn by Vega-Lite inside this process, so no browser, script or network is needed."""

import textwrap

import altair as alt
import vl_convert

from firstline.bundle.learning_curve import LearningCurve

WIDTH, HEIGHT = 560, 320
BLUE, ORANGE, GREY = "#1f5fa8", "#c2570c", "#5b6470"
_FONT = "Helvetica, Arial, sans-serif"
_N_DRAWN, _TITLE_CHARS = 60, 85
_MEASURED, _EXPECTED = "measured", "expected"
_ACCURACY = "accuracy on held-out messages"


def plot_svg(curve: LearningCurve) -> str:
    """Accuracy by number of labels: points with their 95 % interval, the fitted law, what more labels should bring."""
    layers: list[alt.Chart] = [_band(curve), _line(curve), _points(curve)]
    if curve.law and curve.expected:
        layers[1:1] = [_law(curve)]
        layers += [*_expected(curve)]
    chart = alt.LayerChart(layer=layers, width=WIDTH, height=HEIGHT, title=_title(curve))
    return as_svg(chart)


def as_svg(chart: alt.LayerChart) -> str:
    """The chart in the style of all of them."""
    specification = _styled(chart).to_json()
    # No base URL may be read: everything that the chart shows is inside its specification.
    return str(vl_convert.vegalite_to_svg(specification, allowed_base_urls=[]))


def _title(curve: LearningCurve) -> alt.TitleParams:
    name = f"Learning curve of {curve.candidate}" if curve.candidate else "Learning curve"
    if curve.expected:
        found = curve.expected
        below = (
            f"{curve.more_labels:,} more labels should bring the accuracy to {found.accuracy:.3f}"
            f" ({found.accuracy_low:.3f} to {found.accuracy_high:.3f})"
        )
    else:
        below = curve.note
    lines = [
        *textwrap.wrap(below, _TITLE_CHARS),
        "Band and bar: 95 % intervals" if curve.expected else "Band: 95 % intervals",
    ]
    return alt.TitleParams(name, subtitle=lines, anchor="start", offset=12)


def _rows(curve: LearningCurve) -> list[dict[str, object]]:
    return [
        {
            "labels": point.n_labels,
            "accuracy": point.accuracy,
            "low": point.accuracy_low,
            "high": point.accuracy_high,
            "kind": _MEASURED,
        }
        for point in curve.points
    ]


def _base(rows: list[dict[str, object]]) -> alt.Chart:
    chart: alt.Chart = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("labels:Q", title="labelled messages", scale=alt.Scale(zero=False, nice=True, padding=8)),
        y=alt.Y("accuracy:Q", title=_ACCURACY, scale=alt.Scale(zero=False, nice=True, padding=8)),
    )
    return chart


def _by_kind(curve: LearningCurve) -> alt.Color:
    kinds = [_MEASURED, *([_EXPECTED] if curve.expected else [])]
    return alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=[BLUE, ORANGE][: len(kinds)]), title=None)


def _band(curve: LearningCurve) -> alt.Chart:
    chart: alt.Chart = (
        _base(_rows(curve))
        .mark_area(color=BLUE, opacity=0.15)
        .encode(y=alt.Y("low:Q", title=_ACCURACY), y2=alt.Y2("high:Q"))
    )
    return chart


def _line(curve: LearningCurve) -> alt.Chart:
    chart: alt.Chart = _base(_rows(curve)).mark_line(color=BLUE, strokeWidth=2)
    return chart


def _points(curve: LearningCurve) -> alt.Chart:
    chart: alt.Chart = _base(_rows(curve)).mark_point(filled=True, size=70, opacity=1).encode(color=_by_kind(curve))
    return chart


def _law(curve: LearningCurve) -> alt.Chart:
    """The fitted law from the fewest labels to the ones that are yet to come."""
    if not (curve.law and curve.expected):
        raise ValueError("the curve has no law")
    first, last = curve.points[0].n_labels, curve.expected.n_labels
    sizes = [first + (last - first) * step / (_N_DRAWN - 1) for step in range(_N_DRAWN)]
    rows: list[dict[str, object]] = [{"labels": size, "accuracy": 1 - curve.law.error(size)} for size in sizes]
    chart: alt.Chart = _base(rows).mark_line(color=ORANGE, strokeDash=[5, 4], strokeWidth=1.5)
    return chart


def _expected(curve: LearningCurve) -> list[alt.Chart]:
    """The point that is expected, its interval as a bar, and its figure."""
    if not curve.expected:
        raise ValueError("the curve expects nothing")
    found = curve.expected
    row: dict[str, object] = {
        "labels": found.n_labels,
        "accuracy": found.accuracy,
        "low": found.accuracy_low,
        "high": found.accuracy_high,
        "kind": _EXPECTED,
        "said": f"{found.accuracy:.3f}",
    }
    base = _base([row])
    interval = alt.Y("low:Q", title=_ACCURACY)
    return [
        base.mark_rule(color=ORANGE, strokeWidth=2).encode(y=interval, y2=alt.Y2("high:Q")),
        base.mark_point(shape="diamond", filled=True, size=140, opacity=1).encode(color=_by_kind(curve)),
        base.mark_text(align="right", dx=-10, dy=-8, color=ORANGE, fontSize=13, fontWeight="bold").encode(
            text="said:N"
        ),
    ]


def _styled(chart: alt.LayerChart) -> alt.LayerChart:
    styled: alt.LayerChart = (
        chart.configure(font=_FONT, background="white", padding=14)
        .configure_axis(
            labelFontSize=12, titleFontSize=13, titleFontWeight="normal", labelColor=GREY, gridColor="#e6e8eb"
        )
        .configure_view(stroke=None)
        .configure_title(fontSize=16, subtitleFontSize=13, subtitleColor=GREY)
        .configure_legend(orient="bottom-right", labelFontSize=12, symbolSize=80)
    )
    return styled
