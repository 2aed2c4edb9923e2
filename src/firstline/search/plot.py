"""The course of a search as SVG: the best score and the mean of each generation."""

from collections.abc import Sequence

import altair as alt

from firstline.search.evolution import Generation
from firstline.training.plots import BLUE, GREY, HEIGHT, WIDTH, as_svg

_BEST, _MEAN = "best so far", "mean of those that live"


def plot_svg(candidate: str, default_score: float, generations: Sequence[Generation]) -> str:
    """Macro-F1 by generation; the dashed line is the candidate as it is without a search."""
    rows = [
        {"generation": one.number, "score": score, "kind": kind}
        for one in generations
        for kind, score in ((_BEST, one.best.outcome.score), (_MEAN, one.mean))
    ]
    y = alt.Y("score:Q", title="macro-F1, cross-validated", scale=alt.Scale(zero=False, nice=True, padding=8))
    kinds = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=[_BEST, _MEAN], range=[BLUE, GREY]),
        title=None,
        legend=alt.Legend(orient="bottom"),
    )
    lines = alt.Chart(alt.InlineData(values=rows)).mark_line(point=True, strokeWidth=2)
    lines = lines.encode(x=alt.X("generation:O", axis=alt.Axis(labelAngle=0)), y=y, color=kinds)
    rule = alt.Chart(alt.InlineData(values=[{"score": default_score}])).mark_rule(strokeDash=[5, 4], color=GREY)
    title = alt.TitleParams(
        f"Search for settings of {candidate}", subtitle="Dashed: its defaults", anchor="start", offset=12
    )
    return as_svg(alt.LayerChart(layer=[rule.encode(y=y), lines], width=WIDTH, height=HEIGHT, title=title))
