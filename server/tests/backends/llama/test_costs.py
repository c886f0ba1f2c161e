"""The cost of batches in llama.cpp, and the plans of a scheduler with these costs. No model is loaded."""

from __future__ import annotations

import pytest

from galop.backends.llama.costs import PASS_COST_ROWS, StreamCosts, filler_cost_rows
from galop.engine.scheduler import Scheduler
from server.tests.engine.sequences import decoding, make_sequence


@pytest.mark.parametrize(
    ("runs", "num_passes", "num_fillers"),
    [
        ([(3, 1)], 1, 0),
        ([(1, 4), (0, 4), (2, 4)], 1, 0),  # side by side, in any order
        ([(0, 1), (1, 2)], 2, 0),  # two lengths
        ([(0, 1), (2, 1)], 1, 1),  # a gap of one row
        ([(0, 2), (3, 2), (4, 2)], 1, 4),
        ([(0, 3), (3, 3)], 2, 0),  # six fillers are more than a pass
    ],
)
def test_a_pass_has_one_length_and_no_gaps(
    runs: list[tuple[int, int]], num_passes: int, num_fillers: int
) -> None:
    """A gap is filled if that costs less than another pass."""
    num_rows = sum(count for _, count in runs)

    cost = StreamCosts(fills_gaps=True).cost(runs)

    assert cost == num_passes * PASS_COST_ROWS + num_rows + num_fillers


def test_without_our_kernels_a_gap_costs_a_pass() -> None:
    """There are no fillers: with other kernels they may change the bits of rows."""
    assert StreamCosts(fills_gaps=False).cost([(0, 1), (2, 1)]) == 2 * PASS_COST_ROWS + 2


def test_slots_between_those_that_run_are_ideal() -> None:
    """They are gaps already."""
    costs = StreamCosts(fills_gaps=True)
    assert [costs.distance(slot, [2, 5]) for slot in (0, 1, 3, 4, 6, 9)] == [2, 1, 0, 0, 1, 4]
    assert costs.distance(7, []) == 0


def test_a_filler_costs_more_the_longer_its_sequence_is() -> None:
    """It attends to all cells of its sequence."""
    assert filler_cost_rows(2, 0) == 2
    assert filler_cost_rows(2, 1000) == 6


def make_scheduler(num_slots: int = 4) -> Scheduler:
    return Scheduler(
        num_slots=num_slots,
        max_batch_rows=64,
        prefill_chunk=8,
        is_batch_invariant=True,
        batch_costs=StreamCosts(fills_gaps=True),
    )


@pytest.mark.parametrize(
    ("pending", "rows"),
    [
        ((5,), {0: 5}),
        ((1, 1, 1), {0: 1, 1: 1, 2: 1}),
        ((1, 1, 3), {0: 1, 1: 1, 2: 1}),  # three rows either way: everybody
        ((1, 1, 4), {2: 4}),
        ((2, 3, 4), {0: 2, 1: 2, 2: 2}),
        ((1, 4, 9), {2: 9}),
        ((40, 50, 1), {1: 50}),  # 80 rows are more than a batch
    ],
)
def test_a_pass_has_runs_of_one_length(pending: tuple[int, ...], rows: dict[int, int]) -> None:
    """A second length takes a second pass over the weights, so the length with most rows is chosen."""
    scheduler = make_scheduler()
    sequences = decoding(scheduler, *pending)

    plan = scheduler.schedule()

    assert {sequences.index(sequence): count for sequence, count in plan.rows} == rows


def test_no_sequence_is_skipped_twice_for_long_runs() -> None:
    """After a pass of a long run, the next pass has all sequences that were skipped."""
    scheduler = make_scheduler()
    short, long = decoding(scheduler, 1, 20)
    assert scheduler.schedule().rows == [(long, 20)]
    long.num_computed_tokens += 20
    long.append([7] * 30)

    assert scheduler.schedule().rows == [(short, 1), (long, 1)]


def test_running_slots_are_adjacent() -> None:
    """A new sequence gets a slot between the running ones or next to them, but not a recently used one if
    there are older ones."""
    scheduler = make_scheduler(num_slots=6)
    first = [make_sequence([index, 1, 2], name=str(index)) for index in range(6)]
    for sequence in first:
        scheduler.add(sequence)
    scheduler.schedule()
    for index in (1, 2, 5, 0):  # 3 and 4 go on
        scheduler.remove(first[index])
    new = [make_sequence([9, index], name=f"new {index}") for index in range(3)]
    for sequence in new:
        scheduler.add(sequence)
        scheduler.schedule()

    # 2 is nearest to 3 among the older half (1, 2), then 1, then of 5 and 0 the one left of the older half.
    assert [sequence.slot for sequence in new] == [2, 1, 5]
