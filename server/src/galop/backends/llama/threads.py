"""How many threads compute a batch: what was measured at `galop tune`, then what is measured now.

Two threads on two free cores take 0.6 to 0.8 of one thread's time for any batch; with another process
on one of the cores, 1.5 to 4 times as long, because each of some 400 barriers of a step waits for the
thread that has lost its core. So the number follows what steps really take. It never changes a bit of
the results.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping
from typing import Protocol

PROBE_STEPS = 3
"""Steps of a probe; their median counts, so one interruption does not decide."""

FIRST_INTERVAL, LONGEST_INTERVAL = 24, 384
"""Steps between two probes. The interval doubles while probes lose: at most a few percent of the time
goes into them, even where they are four times as slow."""

WORTH_A_CHANGE = 0.95
"""Of the present time per row, below which another number of threads takes over."""

UNUSUAL = 1.4
"""Times the usual step: something else wants the cores now, so look around soon."""


class Threads(Protocol):
    """Says how many threads compute a batch, and hears how long it took."""

    def choose(self, rows: int, runs: int) -> int:
        """For a batch of so many rows, in runs of rows of one sequence each."""

    def record(self, rows: int, runs: int, seconds: float) -> None:
        """What the batch took that `choose` was last asked about."""


class FixedThreads:
    """Always what `threads_for` says; for measuring."""

    def __init__(self, num_threads: int, threads_by_rows: Mapping[int, int]) -> None:
        self._num_threads = num_threads
        self._threads_by_rows = dict(sorted(threads_by_rows.items()))

    def choose(self, rows: int, runs: int) -> int:
        return threads_for(rows, self._threads_by_rows, self._num_threads)

    def record(self, rows: int, runs: int, seconds: float) -> None:
        pass


class AdaptiveThreads:
    """Starts with what `threads_for` says and follows the clock.

    Batches of similar shape learn together: rows and runs within a factor of two. (15 rows of one prompt
    take half as long as one row each of 15 sequences.) A level is one of `thread_counts`.
    """

    def __init__(self, num_threads: int, threads_by_rows: Mapping[int, int]) -> None:
        self._counts = thread_counts(num_threads)
        self._start = FixedThreads(num_threads, threads_by_rows)
        self._shapes: dict[tuple[int, int], _Shape] = {}

    def choose(self, rows: int, runs: int) -> int:
        bits = rows.bit_length(), runs.bit_length()
        shape = self._shapes.get(bits)
        if shape is None:
            shape = self._shapes[bits] = self._new_shape(bits, self._start.choose(rows, runs))
        return self._counts[shape.choose()]

    def record(self, rows: int, runs: int, seconds: float) -> None:
        self._shapes[rows.bit_length(), runs.bit_length()].record(seconds / rows)

    def _new_shape(self, bits: tuple[int, int], start: int) -> _Shape:
        """It starts with no more threads than its nearest neighbour has come to use."""
        if self._shapes:
            nearest = min(self._shapes, key=lambda each: math.dist(each, bits))
            learnt = self._shapes[nearest]
            if learnt.has_moved:
                start = min(start, self._counts[learnt.level])
        level = max(i for i, count in enumerate(self._counts) if count <= start)
        return _Shape(level, len(self._counts))


class _Shape:
    """Batches of one shape: the level in use, and now and then a probe of a neighbour.

    What was probed is compared with the steps before it and with those after it: a probe is often made
    because steps were slow, and something that lasted no longer than them decides nothing.
    """

    def __init__(self, level: int, num_levels: int) -> None:
        self.level = level
        self.has_moved = False
        self._num_levels = num_levels
        self._recent: deque[float] = deque(maxlen=PROBE_STEPS)
        self._usual: float | None = None
        self._interval = FIRST_INTERVAL
        self._steps_left = FIRST_INTERVAL
        self._direction = 1
        self._probe: list[float] = []
        self._is_probing = False
        self._before = 0.0
        """The median step before the probe that is to be judged."""

    def choose(self) -> int:
        return self.level + self._direction if self._is_probing else self.level

    def record(self, seconds: float) -> None:
        if self._is_probing:
            self._probe.append(seconds)
            self._is_probing = len(self._probe) < PROBE_STEPS
            return
        self._recent.append(seconds)
        self._usual = seconds if self._usual is None else 0.95 * self._usual + 0.05 * seconds
        self._steps_left -= 1
        if len(self._recent) < PROBE_STEPS:
            return
        now = statistics.median(self._recent)
        if self._probe:
            self._judge(statistics.median(self._probe), min(self._before, now))
            return
        if now > UNUSUAL * self._usual:
            self._steps_left = 0
            self._interval = FIRST_INTERVAL
            self._usual = seconds
        if self._steps_left <= 0:
            self._start_probe(now)

    def _start_probe(self, now: float) -> None:
        if self._num_levels == 1:
            self._steps_left = LONGEST_INTERVAL
            return
        if not 0 <= self.level + self._direction < self._num_levels:
            self._direction = -self._direction
        self._is_probing = True
        self._before = now
        self._recent.clear()

    def _judge(self, probed: float, present: float) -> None:
        if probed < WORTH_A_CHANGE * present:
            self.level += self._direction
            self.has_moved = True
            self._recent.clear()
            self._usual = probed
            self._interval = FIRST_INTERVAL
        else:
            self._direction = -self._direction
            self._interval = min(2 * self._interval, LONGEST_INTERVAL)
        self._steps_left = self._interval
        self._probe.clear()


def threads_for(rows: int, threads_by_rows: Mapping[int, int], num_threads: int) -> int:
    """How many threads compute a batch of `rows` rows, at most `num_threads`.

    `threads_by_rows` is ascending; its entry for the most rows that are not more than `rows`
    decides, and beyond its last entry `num_threads`: a prompt is not a wide decode step.
    """
    if not threads_by_rows or rows > max(threads_by_rows):
        return num_threads
    threads = 1
    for at_rows, at_threads in threads_by_rows.items():
        if at_rows <= rows:
            threads = at_threads
    return min(num_threads, threads)


def thread_counts(num_threads: int) -> list[int]:
    """The numbers of threads worth measuring: powers of two, and all."""
    powers = [1 << i for i in range(num_threads.bit_length()) if 1 << i < num_threads]
    return [*powers, num_threads]
