"""The plans of the scheduler, without a model."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galop.engine.runner import BatchCosts
from galop.engine.scheduler import MIN_SHARED_TOKENS, PrefixCopy, Scheduler, Truncation
from galop.engine.sequence import Sequence
from server.tests.engine.sequences import decoding, make_sequence


def make_scheduler(
    num_slots: int = 4,
    rows: int = 64,
    chunk: int = 8,
    *,
    is_batch_invariant: bool = False,
    batch_costs: BatchCosts | None = None,
) -> Scheduler:
    return Scheduler(
        num_slots=num_slots,
        max_batch_rows=rows,
        prefill_chunk=chunk,
        is_batch_invariant=is_batch_invariant,
        batch_costs=batch_costs,
    )


def test_with_linear_costs_all_pending_tokens_are_decoded() -> None:
    """Linear costs: no sequence is skipped in favour of another."""
    scheduler = make_scheduler(is_batch_invariant=True)
    sequences = decoding(scheduler, 1, 20, 3)

    assert scheduler.schedule().rows == list(zip(sequences, (1, 20, 3), strict=True))


class CostsOfOneLength:
    """Costs that favour runs of one length, and low slots."""

    def cost(self, runs: SequenceOf[tuple[int, int]]) -> float:
        return sum(count for _, count in runs) + 5 * len({count for _, count in runs})

    def distance(self, slot: int, running: SequenceOf[int]) -> int:
        return slot + 1


def test_the_runs_with_the_most_rows_for_their_cost_are_chosen() -> None:
    """A skipped sequence is in the next step, even if another has a longer run."""
    scheduler = make_scheduler(is_batch_invariant=True, batch_costs=CostsOfOneLength())
    short, long = decoding(scheduler, 1, 20)
    assert scheduler.schedule().rows == [(long, 20)]
    long.num_computed_tokens += 20
    long.append([7] * 30)

    assert scheduler.schedule().rows == [(short, 1), (long, 1)]


def test_a_new_sequence_gets_the_best_slot_of_those_unused_for_long() -> None:
    """By the distance that the runner gives. Slots that were used recently keep their prefixes."""
    scheduler = make_scheduler(num_slots=5, batch_costs=CostsOfOneLength())
    first = [make_sequence([index, 1, 2], name=str(index)) for index in range(5)]
    for sequence in first:
        scheduler.add(sequence)
    scheduler.schedule()
    for slot in (3, 2, 0, 1):
        scheduler.remove(scheduler.slots[slot].sequence or first[0])
    new = make_sequence([9, 9], name="new")
    scheduler.add(new)
    scheduler.schedule()

    assert new.slot == 2  # of 3 and 2, the older half


def run_plan(scheduler: Scheduler) -> None:
    """Count the rows of a plan as computed; complete sequences get one more token."""
    for sequence, count in scheduler.schedule().rows:
        sequence.num_computed_tokens += count
        if not sequence.num_pending_tokens:
            sequence.append([7])


def test_a_long_prompt_takes_two_chunks_while_no_sequence_decodes() -> None:
    """A request that arrives during a step waits for its end."""
    scheduler = make_scheduler(rows=64, chunk=8)
    sequence = make_sequence(list(range(100)))
    scheduler.add(sequence)

    plan = scheduler.schedule()

    assert plan.rows == [(sequence, 16)]
    assert plan.batch().needs_logits.sum() == 0


def test_short_prompts_fill_the_batch_while_no_sequence_decodes() -> None:
    """The chunk bounds the time that others wait; here there are no others."""
    scheduler = make_scheduler(num_slots=8, rows=64, chunk=8)
    sequences = [make_sequence([index] * 8, name=str(index)) for index in range(8)]
    for sequence in sequences:
        scheduler.add(sequence)

    assert scheduler.schedule().rows == [(sequence, 8) for sequence in sequences]


def test_a_long_prompt_takes_one_chunk_beside_running_sequences() -> None:
    """Decoding sequences get their rows first, the prompt at most a chunk."""
    scheduler = make_scheduler(rows=64, chunk=8)
    short = make_sequence([1, 2, 3], name="short")
    scheduler.add(short)
    run_plan(scheduler)
    long = make_sequence(list(range(100, 200)), name="long")
    scheduler.add(long)

    plan = scheduler.schedule()

    assert plan.rows == [(short, 1), (long, 8)]
    batch = plan.batch()
    assert batch.token_ids.tolist() == [7, *range(100, 108)]
    assert batch.positions.tolist() == [3, *range(8)]
    assert batch.needs_logits.tolist() == [1] + [0] * 8


def test_sequences_that_arrive_together_wait_for_their_common_prefix() -> None:
    """The second prompt is not started until the first has computed what they share."""
    shared = list(range(1000, 1000 + MIN_SHARED_TOKENS * 2))
    scheduler = make_scheduler(chunk=64)
    first = make_sequence([*shared, 1, 2], name="first")
    second = make_sequence([*shared, 3, 4], name="second")
    scheduler.add(first)
    scheduler.add(second)

    assert [sequence for sequence, _ in scheduler.schedule().rows] == [first]
    run_plan(scheduler)
    plan = scheduler.schedule()

    assert plan.copies == [PrefixCopy(source=0, target=1, num_tokens=len(shared))]
    assert second.num_cached_tokens == len(shared)
    assert (second, 2) in plan.rows


def test_an_unrelated_sequence_overtakes_one_that_waits_for_a_prefix() -> None:
    """It shares no prefix."""
    shared = list(range(1000, 1000 + MIN_SHARED_TOKENS))
    scheduler = make_scheduler()
    for name, prompt in [("a", [*shared, 1, 1]), ("b", [*shared, 2, 2]), ("c", [5, 6])]:
        scheduler.add(make_sequence(prompt, name=name))

    names = {sequence.request_id for sequence, _ in scheduler.schedule().rows}

    assert names == {"a", "c"}
    assert [sequence.request_id for sequence in scheduler.waiting] == ["b"]


def test_an_ended_sequence_leaves_its_prefix_to_the_next() -> None:
    """A slot is also a cache entry: the same prompt again costs two tokens."""
    prompt = list(range(1000, 1000 + MIN_SHARED_TOKENS + 4))
    scheduler = make_scheduler(chunk=64)
    first = make_sequence(prompt, name="first")
    scheduler.add(first)
    run_plan(scheduler)
    scheduler.remove(first)
    second = make_sequence(prompt, name="second")
    scheduler.add(second)

    plan = scheduler.schedule()

    assert second.num_cached_tokens == len(prompt) - 2
    assert plan.rows == [(second, 2)]
    assert plan.truncations == [Truncation(slot=0, num_tokens=len(prompt) - 2)]


def test_the_cache_does_not_keep_generated_tokens() -> None:
    """They were computed one by one and a prompt is computed in runs, so bits could differ."""
    scheduler = make_scheduler()
    first = make_sequence(list(range(20)), name="first")
    scheduler.add(first)
    for _ in range(5):
        run_plan(scheduler)
    scheduler.remove(first)
    assert first.num_computed_tokens > 20
    assert scheduler.slots[0].tokens.tolist() == list(range(20))


@pytest.mark.parametrize(("num_prompt", "chunks"), [(17, [8, 7, 2]), (9, [7, 2]), (1, [1])])
def test_no_row_of_a_prompt_is_computed_alone(num_prompt: int, chunks: list[int]) -> None:
    """A single row may be computed by other kernels, so a chunk leaves at least two rows."""
    scheduler = make_scheduler(chunk=8)
    busy = make_sequence([1], name="busy", max_tokens=100)
    scheduler.add(busy)
    run_plan(scheduler)
    sequence = make_sequence(list(range(100, 100 + num_prompt)), name="prompt")
    scheduler.add(sequence)

    counts = []
    for _ in chunks:
        counts += [count for each, count in scheduler.schedule().rows if each is sequence]
        sequence.num_computed_tokens += counts[-1]
    assert counts == chunks


def test_a_cache_entry_that_would_lose_much_is_copied_instead_of_reused() -> None:
    """A short shared prefix must not destroy a long conversation while other slots are free."""
    long = list(range(2000, 2200))
    scheduler = make_scheduler(rows=256, chunk=256)
    first = make_sequence(long, name="first")
    scheduler.add(first)
    run_plan(scheduler)
    scheduler.remove(first)
    second = make_sequence([*long[:20], 1, 2], name="second")
    scheduler.add(second)

    plan = scheduler.schedule()

    assert plan.copies == [PrefixCopy(source=0, target=1, num_tokens=20)]
    assert len(scheduler.slots[0].tokens) == 200


def test_more_sequences_than_slots_wait_in_order() -> None:
    """First come, first served."""
    scheduler = make_scheduler(num_slots=2)
    for index in range(5):
        scheduler.add(make_sequence([index + 10], name=str(index)))

    names = [sequence.request_id for sequence, _ in scheduler.schedule().rows]

    assert names == ["0", "1"]
    assert [sequence.request_id for sequence in scheduler.waiting] == ["2", "3", "4"]


prompts = st.lists(st.integers(0, 2), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(
    arrivals=st.lists(st.tuples(prompts, st.integers(1, 6), st.integers(0, 5)), max_size=25),
    num_slots=st.integers(1, 4),
    chunk=st.integers(1, 16),
)
def test_invariants_hold_over_random_arrivals(
    arrivals: list[tuple[list[int], int, int]], num_slots: int, chunk: int
) -> None:
    """Every sequence ends, batches stay in bounds, and no slot has two owners."""
    scheduler = Scheduler(num_slots=num_slots, max_batch_rows=32, prefill_chunk=chunk)
    pending = [make_sequence(p, name=str(i), max_tokens=m) for i, (p, m, _) in enumerate(arrivals)]
    gaps = [gap for _, _, gap in arrivals]
    done: list[Sequence] = []
    for step in range(2000):
        while pending and gaps[len(arrivals) - len(pending)] <= step:
            scheduler.add(pending.pop(0))
        plan = scheduler.schedule()
        assert sum(count for _, count in plan.rows) <= 32
        assert len({sequence.slot for sequence, _ in plan.rows}) == len(plan.rows)
        for sequence, count in plan.rows:
            assert 0 < count <= sequence.num_pending_tokens
            sequence.num_computed_tokens += count
            if not sequence.num_pending_tokens:
                sequence.append([7])
                if sequence.num_completion_tokens >= sequence.request.max_tokens:
                    scheduler.remove(sequence)
                    done.append(sequence)
        if scheduler.is_idle and not pending:
            break

    assert len(done) == len(arrivals)
    assert all(sequence.num_cached_tokens < sequence.num_prompt_tokens for sequence in done)
