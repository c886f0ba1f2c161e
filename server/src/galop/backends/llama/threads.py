"""Decides how many threads compute a batch: first by the result of `galop tune`, then by times of steps.

On two free cores, two threads take 0.6 to 0.8 of the time of one thread for any batch. If another process
uses one of the cores, they take 1.5 to 4 times as long: at each of some 400 barriers of a step, one
thread waits for the other one to get its core back. The number of threads never changes a bit of the
results.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping
from typing import Protocol

PROBE_STEPS = 3
"""Steps of a probe. Their median counts, so one interruption does not decide."""

FIRST_INTERVAL, LONGEST_INTERVAL = 24, 384
"""Steps between two probes. The interval doubles with each probe that is not faster. So probes take at
most a few percent of the time, even if they are four times as slow."""

SWITCH_RATIO = 0.95
"""A probe that takes less than this, over the current time per row, changes the number of threads."""

SLOW_RATIO = 1.4
"""Steps that take longer than this, over the average, trigger a probe: another process may use the cores."""

_AVERAGE_WEIGHT = 0.05
"""Weight of the last step in the moving average."""


class ThreadPolicy(Protocol):
    """Decides how many threads compute a batch."""

    def choose(self, rows: int, runs: int) -> int:
        """The number of threads for a batch of `rows` rows in `runs` runs, each of one sequence."""

    def record(self, rows: int, runs: int, seconds: float) -> None:
        """The time of the batch that `choose` was called for last."""


class FixedThreads:
    """The number of `threads_for`, whatever the times are; for measurements."""

    def __init__(self, num_threads: int, threads_by_rows: Mapping[int, int]) -> None:
        self._num_threads = num_threads
        self._threads_by_rows = dict(sorted(threads_by_rows.items()))

    def choose(self, rows: int, runs: int) -> int:
        return threads_for(rows, self._threads_by_rows, self._num_threads)

    def record(self, rows: int, runs: int, seconds: float) -> None:
        pass


class AdaptiveThreads:
    """The number of `threads_for` at first; then it follows the times of steps.

    Times are kept per shape: batches whose rows, and whose runs, are within a factor of two. (15 rows of one
    prompt take half as long as one row each of 15 sequences.) A level is an index into `thread_counts`.
    """

    def __init__(self, num_threads: int, threads_by_rows: Mapping[int, int]) -> None:
        self._counts = thread_counts(num_threads)
        self._initial = FixedThreads(num_threads, threads_by_rows)
        self._shapes: dict[tuple[int, int], _Shape] = {}

    def choose(self, rows: int, runs: int) -> int:
        bits = rows.bit_length(), runs.bit_length()
        shape = self._shapes.get(bits)
        if shape is None:
            shape = self._shapes[bits] = self._new_shape(bits, self._initial.choose(rows, runs))
        return self._counts[shape.choose()]

    def record(self, rows: int, runs: int, seconds: float) -> None:
        self._shapes[rows.bit_length(), runs.bit_length()].record(seconds / rows)

    def _new_shape(self, bits: tuple[int, int], num_threads: int) -> _Shape:
        """A shape that starts with `num_threads`, or with fewer if its nearest neighbour switched to fewer."""
        if self._shapes:
            nearest = self._shapes[min(self._shapes, key=lambda each: math.dist(each, bits))]
            if nearest.has_switched:
                num_threads = min(num_threads, self._counts[nearest.level])
        level = max(i for i, count in enumerate(self._counts) if count <= num_threads)
        return _Shape(level, len(self._counts))


class _Shape:
    """The level for batches of one shape, with probes of its neighbours. Times are seconds per row.

    The time of a probe is compared with the steps before and after it, the faster ones: a probe may have been
    triggered by slow steps, and then decides only if they are still slow after it.
    """

    def __init__(self, level: int, num_levels: int) -> None:
        self.level = level
        self.has_switched = False
        """Whether a probe ever changed the level."""
        self._num_levels = num_levels
        self._recent: deque[float] = deque(maxlen=PROBE_STEPS)
        """Times of the last steps at `level`."""
        self._average: float | None = None
        """Moving average of the times at `level`."""
        self._interval = FIRST_INTERVAL
        self._steps_left = FIRST_INTERVAL
        """Steps until the next probe."""
        self._direction = 1
        """Of the next probe: 1 or -1 level."""
        self._probe: list[float] = []
        """Times of the probe that runs, or that is not evaluated yet."""
        self._is_probing = False
        self._before_probe = 0.0
        """Median time of the steps before the probe."""

    def choose(self) -> int:
        return self.level + self._direction if self._is_probing else self.level

    def record(self, seconds: float) -> None:
        if self._is_probing:
            self._probe.append(seconds)
            self._is_probing = len(self._probe) < PROBE_STEPS
            return
        self._recent.append(seconds)
        average = seconds if self._average is None else self._average
        self._average = (1 - _AVERAGE_WEIGHT) * average + _AVERAGE_WEIGHT * seconds
        self._steps_left -= 1
        if len(self._recent) < PROBE_STEPS:
            return
        current = statistics.median(self._recent)
        if self._probe:
            self._evaluate_probe(statistics.median(self._probe), min(self._before_probe, current))
            return
        if current > SLOW_RATIO * self._average:
            self._steps_left = 0
            self._interval = FIRST_INTERVAL
            self._average = seconds
        if self._steps_left <= 0:
            self._start_probe(current)

    def _start_probe(self, current: float) -> None:
        if self._num_levels == 1:
            self._steps_left = LONGEST_INTERVAL
            return
        if not 0 <= self.level + self._direction < self._num_levels:
            self._direction = -self._direction
        self._is_probing = True
        self._before_probe = current
        self._recent.clear()

    def _evaluate_probe(self, probed: float, current: float) -> None:
        if probed < SWITCH_RATIO * current:
            self.level += self._direction
            self.has_switched = True
            self._recent.clear()
            self._average = probed
            self._interval = FIRST_INTERVAL
        else:
            self._direction = -self._direction
            self._interval = min(2 * self._interval, LONGEST_INTERVAL)
        self._steps_left = self._interval
        self._probe.clear()


def threads_for(rows: int, threads_by_rows: Mapping[int, int], num_threads: int) -> int:
    """The number of threads of a table for a batch of `rows` rows, at most `num_threads`.

    `threads_by_rows` is ascending. Its last entry for at most `rows` rows counts; 1 if there is none.
    Batches with more rows than its last entry, such as prompts, get `num_threads`.
    """
    if not threads_by_rows or rows > max(threads_by_rows):
        return num_threads
    threads = 1
    for at_rows, at_threads in threads_by_rows.items():
        if at_rows <= rows:
            threads = at_threads
    return min(num_threads, threads)


def thread_counts(num_threads: int) -> list[int]:
    """The numbers of threads to measure, ascending: powers of two, and `num_threads`."""
    powers = [1 << i for i in range(num_threads.bit_length()) if 1 << i < num_threads]
    return [*powers, num_threads]
