"""Counts of requests and tokens."""

from __future__ import annotations

from galop.accounts.schema import usage_by_day
from galop.accounts.usage import COUNT_NAMES, UsageCounts


def test_counts_are_added_field_by_field() -> None:
    """Every field, and none twice."""
    left = UsageCounts(**{name: index + 1 for index, name in enumerate(COUNT_NAMES)})
    right = UsageCounts(**{name: 10 * (index + 1) for index, name in enumerate(COUNT_NAMES)})
    expected = {name: 11 * (index + 1) for index, name in enumerate(COUNT_NAMES)}
    assert left + right == UsageCounts(**expected)
    assert left + UsageCounts() == left


def test_every_count_has_a_column() -> None:
    """And every other column belongs to the key."""
    columns = set(usage_by_day.columns.keys())
    assert columns - {"key_id", "model", "day"} == set(COUNT_NAMES)
