"""The order of the waiting queue: fair between keys, shares by tier, no starvation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galop.engine.queue import TIER_WEIGHTS, WaitingQueue
from galop.engine.sequence import Sequence
from galop.protocol.literals import ServiceTier
from galop.protocol.requests import GenerationRequest


def make_sequence(
    key_id: str, tier: ServiceTier = "on_demand", *, num_prompt_tokens: int = 10
) -> Sequence:
    prompt = list(range(num_prompt_tokens))
    request = GenerationRequest(
        request_id=key_id, prompt_token_ids=prompt, max_tokens=8, key_id=key_id, service_tier=tier
    )
    return Sequence(request, 0, np.asarray(prompt, dtype=np.int32), None, 0.0, 8)


def serve_next(queue: WaitingQueue, *, num_tokens: int = 1) -> Sequence:
    """Admit one sequence, let it generate, and end it."""
    sequence = next(queue.in_turn())
    queue.start(sequence)
    sequence.append([1] * num_tokens)
    queue.end(sequence)
    return sequence


def start_next(queue: WaitingQueue, count: int) -> list[Sequence]:
    """Admit the next `count` sequences."""
    started: list[Sequence] = []
    for sequence in queue.in_turn():
        if len(started) == count:
            break
        queue.start(sequence)
        started.append(sequence)
    return started


def test_one_key_is_served_in_order() -> None:
    """First come, first served."""
    queue = WaitingQueue()
    sequences = [make_sequence("a", num_prompt_tokens=n) for n in (30, 5, 20)]
    for sequence in sequences:
        queue.add(sequence)

    assert list(queue) == sequences
    assert [serve_next(queue, num_tokens=9) for _ in sequences] == sequences
    assert len(queue) == 0


def test_many_requests_of_one_key_do_not_delay_another_key() -> None:
    """The first request of a key goes before a hundred of another key."""
    queue = WaitingQueue()
    for _ in range(100):
        queue.add(make_sequence("crowd"))
    start_next(queue, 4)
    newcomer = make_sequence("newcomer")
    queue.add(newcomer)

    assert start_next(queue, 1) == [newcomer]


def test_running_work_counts_against_its_key() -> None:
    """A key with running sequences waits for a key without."""
    queue = WaitingQueue()
    for key in ("a", "a", "a", "b"):
        queue.add(make_sequence(key))

    assert [sequence.request.key_id for sequence in start_next(queue, 4)] == ["a", "b", "a", "a"]


def test_long_answers_cost_more_turns_than_short_ones() -> None:
    """Fair in work, not in the number of requests."""
    queue = WaitingQueue()
    for _ in range(50):
        queue.add(make_sequence("long"))
        queue.add(make_sequence("short"))
    served = []
    for _ in range(40):
        served.append(next(queue.in_turn()).request.key_id)
        serve_next(queue, num_tokens=100 if served[-1] == "long" else 10)

    assert 6 <= served.count("short") / served.count("long") <= 10  # 410 / 50 = 8.2


def test_a_pause_earns_no_credit() -> None:
    """A key that returns has the level of those that were served meanwhile."""
    queue = WaitingQueue()
    for _ in range(40):
        queue.add(make_sequence("busy"))
    for _ in range(20):
        serve_next(queue, num_tokens=50)
    for _ in range(20):
        queue.add(make_sequence("back"))

    served = [serve_next(queue, num_tokens=50).request.key_id for _ in range(10)]

    assert served.count("back") in (5, 6)


@pytest.mark.parametrize(("tier", "weight"), list(TIER_WEIGHTS.items()))
def test_tiers_are_shares(tier: ServiceTier, weight: float) -> None:
    """While both wait, a tier gets its weight in work for each unit of on_demand."""
    queue = WaitingQueue()
    for _ in range(100):
        queue.add(make_sequence("a", tier))
        queue.add(make_sequence("b", "on_demand"))

    served = [serve_next(queue).request.key_id for _ in range(50)]

    assert served.count("a") == pytest.approx(50 * weight / (weight + 1), abs=1)


def test_a_sequence_that_is_passed_over_keeps_its_turn() -> None:
    """A sequence that cannot start yet is offered again, before the others of its key."""
    queue = WaitingQueue()
    first, second = make_sequence("a"), make_sequence("a")
    queue.add(first)
    queue.add(second)

    assert list(queue.in_turn()) == [first, second]
    assert list(queue.in_turn()) == [first, second]
    assert list(queue) == [first, second]


def test_a_sequence_can_leave_while_it_waits() -> None:
    """It is not counted as work."""
    queue = WaitingQueue()
    gone, stays = make_sequence("a"), make_sequence("a")
    queue.add(gone)
    queue.add(stays)
    queue.end(gone)
    assert list(queue.in_turn()) == [stays]
    queue.end(stays)
    assert repr(queue) == "<WaitingQueue 0 waiting, 0 flows>"


@settings(max_examples=100, deadline=None)
@given(
    crowds=st.lists(
        st.tuples(st.sampled_from(list(TIER_WEIGHTS)), st.integers(1, 60), st.integers(1, 30)),
        min_size=1,
        max_size=5,
    )
)
def test_no_flow_starves(crowds: list[tuple[ServiceTier, int, int]]) -> None:
    """Every flow is served again after a bounded amount of work of the others."""
    queue = WaitingQueue()

    def arrive(index: int) -> None:
        tier, num_prompt_tokens, _ = crowds[index]
        queue.add(make_sequence(str(index), tier, num_prompt_tokens=num_prompt_tokens))

    for index in range(len(crowds)):
        arrive(index)
    # A turn raises a level by (prompt + 4 completion) / weight: at most 720, at least 1.25. The
    # others are served only until their levels pass that.
    longest_wait = (len(crowds) - 1) * 600
    last_served = dict.fromkeys(range(len(crowds)), 0)
    for turn in range(2000):
        index = int(next(queue.in_turn()).request_id)
        serve_next(queue, num_tokens=crowds[index][2])
        last_served[index] = turn
        arrive(index)
        assert turn - min(last_served.values()) <= longest_wait
