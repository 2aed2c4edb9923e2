import pytest

from firstline.evaluation.report.axes import count_axis, share_axis


@pytest.mark.parametrize("lowest", [0.0, 0.13, 0.5, 0.77, 0.99, 1.0])
def test_shares_fit_on_their_axis(lowest: float) -> None:
    ticks = share_axis(lowest)
    assert ticks[0] <= lowest
    assert ticks[-1] == 1
    assert 2 <= len(ticks) <= 6


@pytest.mark.parametrize("highest", [0, 1, 7, 56.4, 800, 1_501, 28_000])
def test_counts_fit_on_their_axis(highest: float) -> None:
    ticks = count_axis(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest
    assert 2 <= len(ticks) <= 6
