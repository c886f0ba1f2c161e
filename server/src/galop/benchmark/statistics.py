"""Statistics for comparing two servers on a shared machine: order of pairs, medians, intervals. Pure.

The speed of a shared machine changes with time. So runs alternate A B, B A, and each pair gives one
ratio. The result is the median of the ratios with its 95 % bootstrap interval (Efron, Tibshirani 1993,
percentiles).
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_NUM_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median and its 95 % confidence interval."""

    median: float
    low: float
    high: float
    num_values: int
    """At least 1."""


def estimate(values: Sequence[float]) -> Estimate:
    """The median of at least one value. Resampling has a fixed seed: the same values give the same interval."""
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
    """The percentile by nearest rank: the smallest value that at least `share` (0 to 1) of the values do not
    exceed."""
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[max(0, min(rank, len(ordered)) - 1)]


def turns(pair: int) -> tuple[int, int]:
    """The order of two servers, 0 and 1, in pair number `pair`: A B, B A, A B, ..."""
    return (0, 1) if pair % 2 == 0 else (1, 0)
