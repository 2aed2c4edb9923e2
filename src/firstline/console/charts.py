"""Lines for charts: points and bands as SVG paths in a field of 100 by 100, with ticks for both axes."""

from collections.abc import Sequence
from dataclasses import dataclass

from firstline.evaluation.report.axes import count_axis, share_axis
from firstline.evaluation.report.data import CurvePoint, Growth, Share

Point = tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """A line with its band. `ahead` is what is expected, empty if nothing is. Ticks are values, from low to high."""

    line: str
    band: str
    ahead: str
    x_ticks: tuple[float, ...]
    y_ticks: tuple[float, ...]

    def grid(self) -> str:
        """A line at each tick of the y axis."""
        return "".join(f"M0 {self.down(tick)}H100" for tick in self.y_ticks)

    def cross(self, x: float, y: float) -> str:
        """Lines from both axes to a point."""
        return f"M0 {self.down(y)}H{self.along(x)}V100"

    def dot(self, x: float, y: float) -> str:
        """A path that a round line cap makes a dot of."""
        return f"M{self.along(x)} {self.down(y)}h0"

    def along(self, x: float) -> str:
        """How far right a value stands, 0 to 100."""
        return _placed(x, self.x_ticks)

    def down(self, y: float) -> str:
        """How far down a value stands, 0 to 100."""
        return f"{100 - float(_placed(y, self.y_ticks)):.2f}"


def promise_chart(curve: Sequence[CurvePoint]) -> Chart:
    """By the share of messages that is routed: how many of them are right."""
    points = [(point.coverage, point.right) for point in curve]
    ticks = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    return _chart(points, ticks, tuple(share_axis(min(right.low for _, right in points))))


def growth_chart(growth: Growth) -> Chart | None:
    """By the number of labels: how many answers are right. None without points."""
    if not growth.points:
        return None
    points = [(float(point.n_labels), point.right) for point in growth.points]
    ahead = [(float(one.n_labels), one.right) for one in (growth.now, growth.then) if one is not None]
    most = max(place for place, _ in (*points, *ahead))
    lowest = min(right.low for _, right in (*points, *ahead))
    return _chart(points, tuple(map(float, count_axis(most))), tuple(share_axis(lowest)), ahead)


def _chart(
    points: Sequence[tuple[float, Share]],
    x_ticks: tuple[float, ...],
    y_ticks: tuple[float, ...],
    ahead: Sequence[tuple[float, Share]] = (),
) -> Chart:
    empty = Chart("", "", "", x_ticks, y_ticks)

    def path(line: Sequence[Point]) -> str:
        return "".join(f"{'L' if place else 'M'}{empty.along(x)} {empty.down(y)}" for place, (x, y) in enumerate(line))

    upper = [(x, right.high) for x, right in points]
    lower = [(x, right.low) for x, right in reversed(points)]
    expected = [(x, right.value) for x, right in (*points[-1:], *ahead)] if ahead else []
    line = path([(x, right.value) for x, right in points])
    return Chart(line, f"{path([*upper, *lower])}Z", path(expected), x_ticks, y_ticks)


def _placed(value: float, ticks: Sequence[float]) -> str:
    width = (ticks[-1] - ticks[0]) or 1
    return f"{min(max(100 * (value - ticks[0]) / width, 0), 100):.2f}"
