"""Comparing two servers on a machine that others use too: pairs, medians, intervals. Pure.

A single figure of a shared machine says little, and a run of A before a run of B compares two
hours of the day. So blocks alternate A B B A, every pair gives one ratio, and what is reported is
the median of the ratios with a 95 % bootstrap interval (Efron, Tibshirani 1993, percentiles).
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_NUM_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median, and where it lies with 95 % confidence."""

    median: float
    low: float
    high: float
    num_values: int


def estimate(values: Sequence[float]) -> Estimate:
    """Of at least one value. The resampling is seeded: the same values give the same interval."""
    source = random.Random(0)
    medians = sorted(
        statistics.median(source.choices(values, k=len(values))) for _ in range(_NUM_RESAMPLES)
    )
    return Estimate(
        statistics.median(values),
        percentile(medians, 0.025),
        percentile(medians, 0.975),
        len(values),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least this share of them does not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[max(0, min(rank, len(ordered)) - 1)]


def turns(pair: int) -> tuple[int, int]:
    """Which of two servers goes first and second in this pair: A B, B A, A B, ..."""
    return (0, 1) if pair % 2 == 0 else (1, 0)
