"""The number of threads of a batch, with times that the tests make up."""

from __future__ import annotations

import pytest

from galop.backends.llama.threads import AdaptiveThreads, threads_for


@pytest.mark.parametrize(
    ("rows", "threads"), [(1, 2), (2, 1), (3, 1), (4, 2), (7, 2), (8, 8), (9, 8), (128, 8)]
)
def test_the_table_decides_up_to_its_last_entry(rows: int, threads: int) -> None:
    """The last entry for at most so many rows counts; beyond the table, all threads."""
    assert threads_for(rows, {1: 2, 2: 1, 4: 2, 8: 8}, 8) == threads


def test_the_number_of_threads_bounds_the_table() -> None:
    """A table may have been measured with more threads."""
    assert threads_for(8, {8: 64}, 2) == 2


def test_below_the_first_entry_one_thread_is_used() -> None:
    """Tables of `galop tune` begin at one row; others may not."""
    assert threads_for(1, {2: 2}, 4) == 1


def test_without_a_table_all_threads_are_used() -> None:
    assert threads_for(1, {}, 4) == 4


def run(
    threads: AdaptiveThreads,
    rows: int,
    num_steps: int,
    seconds: dict[int, float],
    runs: int | None = None,
) -> list[int]:
    """The choices of `num_steps` steps. `seconds`: the time of a step by number of threads. `runs`:
    default `rows`."""
    chosen = []
    for _ in range(num_steps):
        chosen.append(threads.choose(rows, runs or rows))
        threads.record(rows, runs or rows, seconds[chosen[-1]])
    return chosen


def test_the_fastest_number_of_threads_is_found_and_kept() -> None:
    chosen = run(AdaptiveThreads(2, {1: 2}), 1, 400, {1: 0.010, 2: 0.030})
    assert chosen[:20] == [2] * 20
    assert chosen[50:].count(2) <= 20, "probes of what is slow are rare"
    chosen = run(AdaptiveThreads(8, {1: 1, 64: 8}), 3, 600, {1: 0.04, 2: 0.03, 4: 0.02, 8: 0.05})
    assert chosen[-100:].count(4) >= 90


def test_the_number_of_threads_follows_a_core_that_is_taken_and_returned() -> None:
    threads = AdaptiveThreads(2, {1: 2})
    run(threads, 8, 2000, {1: 0.028, 2: 0.018})
    chosen = run(threads, 8, 60, {1: 0.028, 2: 0.050})
    assert chosen[20:].count(1) >= 35
    chosen = run(threads, 8, 400, {1: 0.028, 2: 0.018})
    assert chosen[-50:].count(2) >= 45, "and so is its return"


def test_batches_of_different_sizes_are_independent() -> None:
    threads = AdaptiveThreads(2, {1: 1, 8: 2})
    run(threads, 1, 100, {1: 0.01, 2: 0.02})
    assert run(threads, 8, 20, {1: 0.03, 2: 0.02}) == [2] * 20


def test_a_few_slow_steps_change_nothing() -> None:
    """Slow steps trigger a probe and have ended after it."""
    threads = AdaptiveThreads(2, {1: 2})
    run(threads, 8, 1000, {1: 0.028, 2: 0.018})
    for _ in range(20):
        run(threads, 8, 3, {1: 0.050, 2: 0.050})
        chosen = run(threads, 8, 40, {1: 0.028, 2: 0.018})
        assert chosen.count(1) <= 3


def test_prompts_between_decode_steps_change_nothing() -> None:
    """Short prompts with as many rows as decode steps, which take half as long."""
    threads = AdaptiveThreads(2, {1: 2})
    chosen = []
    for _ in range(60):
        chosen += run(threads, 15, 4, {1: 0.009, 2: 0.006}, runs=1)
        chosen += run(threads, 15, 4, {1: 0.028, 2: 0.018})
    assert chosen[240:].count(1) <= 6


def test_a_single_thread_stays() -> None:
    assert set(run(AdaptiveThreads(1, {}), 4, 500, {1: 0.01})) == {1}
