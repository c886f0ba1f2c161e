from __future__ import annotations

import pytest

from galop.benchmark.statistics import estimate, percentile, turns


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.25, 1.0), (0.26, 2.0), (0.5, 2.0), (0.99, 4.0), (1, 4.0)]
)
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    """The smallest value that at least this share does not exceed, in any order given."""
    assert percentile([3.0, 1.0, 4.0, 2.0], share) == expected


def test_estimate_of_equal_values_has_no_width() -> None:
    """If every pair has the same ratio, the interval is that ratio."""
    result = estimate([2.0] * 5)
    assert (result.median, result.low, result.high, result.num_values) == (2.0, 2.0, 2.0, 5)


def test_one_outlier_does_not_move_the_median() -> None:
    """One pair that was disturbed may widen the interval, and does not move the median."""
    result = estimate([1.0, 1.01, 0.99, 1.0, 9.0, 1.02, 0.98])
    assert result.median == 1.0
    assert 0.98 <= result.low <= 1.0 <= result.high <= 9.0


def test_servers_take_turns_in_going_first() -> None:
    """A B, B A, A B: a machine that slows down steadily does not favour either."""
    assert [turns(pair) for pair in range(3)] == [(0, 1), (1, 0), (0, 1)]
