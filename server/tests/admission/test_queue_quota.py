"""The total bound on choices, and the bound per key."""

from __future__ import annotations

import pytest

from galop.admission.queue_quota import SHARE, QueueQuota


def fill(quota: QueueQuota, *key_ids: str) -> list[int]:
    """The keys add one choice each, in turns, until all are refused. Returns the choices of each."""
    counts = dict.fromkeys(key_ids, 0)
    going = list(key_ids)
    while going:
        for key_id in list(going):
            if quota.has_room(1) and quota.has_share(key_id, 1):
                quota.add(key_id, 1)
                counts[key_id] += 1
            else:
                going.remove(key_id)
    return list(counts.values())


def test_without_keys_only_the_total_is_bounded() -> None:
    """16 slots and 128 waiting choices."""
    quota = QueueQuota(num_slots=16, max_waiting=128)
    assert fill(quota, "") == [144]
    assert quota.num_waiting == 128
    assert quota.is_crowded


def test_a_single_key_gets_the_slots_and_four_fifths_of_the_queue() -> None:
    """The last fifth stays free for other keys."""
    quota = QueueQuota(num_slots=16, max_waiting=128)
    assert fill(quota, "a") == [118]
    assert 0.75 < quota.num_waiting / 128 < 0.85
    assert quota.is_crowded


@pytest.mark.parametrize("num_greedy", [1, 2, 3, 5, 8, 16, 30])
@pytest.mark.parametrize(("num_slots", "max_waiting"), [(16, 128), (4, 64), (1, 32)])
def test_keys_that_fill_their_shares_leave_capacity_for_another(
    num_greedy: int, num_slots: int, max_waiting: int
) -> None:
    """Their shares are equal, and a new key is admitted unless every share is at most `SHARE` choices."""
    quota = QueueQuota(num_slots=num_slots, max_waiting=max_waiting)
    counts = fill(quota, *(f"greedy {number}" for number in range(num_greedy)))
    assert max(counts) - min(counts) <= 1
    if min(counts) > SHARE:
        assert quota.has_room(1)
        assert quota.has_share("new", 1)
    assert sum(counts) >= 0.75 * (num_slots + max_waiting)


def test_callers_without_a_key_share_one_bound_once_a_key_is_seen() -> None:
    """A key is admitted as soon as one of their choices has ended."""
    quota = QueueQuota(num_slots=2, max_waiting=8)
    assert fill(quota, "") == [10]
    assert not quota.has_room(1)
    assert quota.has_share("a", 1)
    quota.remove("", 1)
    assert not quota.has_share("", 1), "a key was seen"
    assert quota.has_room(1)
    quota.add("a", 1)
    assert quota.num_open == 10


@pytest.mark.parametrize("num_slots", [1, 16])
def test_without_a_queue_one_key_may_fill_every_slot(num_slots: int) -> None:
    """And no choice waits."""
    quota = QueueQuota(num_slots=num_slots, max_waiting=0)
    assert fill(quota, "a") == [num_slots]


def test_the_first_request_is_admitted_at_any_number_of_choices() -> None:
    """Eight choices on one slot without a queue."""
    quota = QueueQuota(num_slots=1, max_waiting=0)
    assert quota.has_room(8)
    quota.add("a", 8)
    assert not quota.has_room(1)
    quota.remove("a", 8)
    assert (quota.num_open, quota.num_of("a"), quota.is_crowded) == (0, 0, False)


def test_prompt_tokens_have_a_bound_per_key_once_a_key_is_seen() -> None:
    """`SHARE` times the free tokens."""
    quota = QueueQuota(num_slots=1, max_waiting=1)
    assert quota.share_of_tokens(500) is None
    quota.add("a", 1)
    assert quota.share_of_tokens(500) == 2000
