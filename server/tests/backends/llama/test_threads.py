"""How many threads a batch gets."""

from __future__ import annotations

import pytest

from galop.backends.llama.threads import AdaptiveThreads, threads_for


@pytest.mark.parametrize(
    ("rows", "threads"), [(1, 2), (2, 1), (3, 1), (4, 2), (7, 2), (8, 8), (9, 8), (128, 8)]
)
def test_the_table_decides_up_to_its_last_entry(rows: int, threads: int) -> None:
    """The entry for the most rows that are not more; beyond it, all threads."""
    assert threads_for(rows, {1: 2, 2: 1, 4: 2, 8: 8}, 8) == threads


def test_the_number_of_threads_bounds_the_table() -> None:
    """A table measured with more threads asks for more than there are."""
    assert threads_for(8, {8: 64}, 2) == 2


def test_below_the_first_entry_one_thread_is_used() -> None:
    """Tables begin at one row; a foreign one may not."""
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
    """The choices of `num_steps` steps that take what `seconds` says for each number of threads. Every
    row is a run, unless told otherwise."""
    chosen = []
    for _ in range(num_steps):
        chosen.append(threads.choose(rows, runs or rows))
        threads.record(rows, runs or rows, seconds[chosen[-1]])
    return chosen


def test_threads_move_to_where_steps_are_quick_and_stay_there() -> None:
    chosen = run(AdaptiveThreads(2, {1: 2}), 1, 400, {1: 0.010, 2: 0.030})
    assert chosen[:20] == [2] * 20
    assert chosen[50:].count(2) <= 20, "probes of what is slow are rare"
    chosen = run(AdaptiveThreads(8, {1: 1, 64: 8}), 3, 600, {1: 0.04, 2: 0.03, 4: 0.02, 8: 0.05})
    assert chosen[-100:].count(4) >= 90


def test_a_core_that_is_taken_away_is_noticed_within_a_few_steps() -> None:
    threads = AdaptiveThreads(2, {1: 2})
    run(threads, 8, 2000, {1: 0.028, 2: 0.018})
    chosen = run(threads, 8, 60, {1: 0.028, 2: 0.050})
    assert chosen[20:].count(1) >= 35
    chosen = run(threads, 8, 400, {1: 0.028, 2: 0.018})
    assert chosen[-50:].count(2) >= 45, "and so is its return"


def test_sizes_learn_apart() -> None:
    threads = AdaptiveThreads(2, {1: 1, 8: 2})
    run(threads, 1, 100, {1: 0.01, 2: 0.02})
    assert run(threads, 8, 20, {1: 0.03, 2: 0.02}) == [2] * 20


def test_a_moment_of_trouble_moves_nothing() -> None:
    """Slow steps ask for a probe, and are over when it is made."""
    threads = AdaptiveThreads(2, {1: 2})
    run(threads, 8, 1000, {1: 0.028, 2: 0.018})
    for _ in range(20):
        run(threads, 8, 3, {1: 0.050, 2: 0.050})
        chosen = run(threads, 8, 40, {1: 0.028, 2: 0.018})
        assert chosen.count(1) <= 3


def test_prompts_among_the_steps_disturb_nothing() -> None:
    """A short prompt takes half as long as the next token of as many sequences, and comes again and again."""
    threads = AdaptiveThreads(2, {1: 2})
    chosen = []
    for _ in range(60):
        chosen += run(threads, 15, 4, {1: 0.009, 2: 0.006}, runs=1)
        chosen += run(threads, 15, 4, {1: 0.028, 2: 0.018})
    assert chosen[240:].count(1) <= 6


def test_one_thread_is_never_left() -> None:
    assert set(run(AdaptiveThreads(1, {}), 4, 500, {1: 0.01})) == {1}
