"""Whose choices find quota."""

from __future__ import annotations

import pytest

from galop.admission.queue_quota import SHARE, QueueQuota


def fill(quota: QueueQuota, *key_ids: str) -> list[int]:
    """Every key sends one choice after the other, in turns, until all are refused. How many each has."""
    counts = dict.fromkeys(key_ids, 0)
    going = list(key_ids)
    while going:
        for key_id in list(going):
            if quota.has_room(1) and quota.has_share(key_id, 1):
                quota.enter(key_id, 1)
                counts[key_id] += 1
            else:
                going.remove(key_id)
    return list(counts.values())


def test_without_keys_all_of_it_is_for_everybody() -> None:
    quota = QueueQuota(num_slots=16, max_waiting=128)
    assert fill(quota, "") == [144]
    assert quota.num_waiting == 128
    assert quota.is_crowded


def test_one_key_alone_gets_its_places_and_four_fifths_of_the_queue() -> None:
    quota = QueueQuota(num_slots=16, max_waiting=128)
    assert fill(quota, "a") == [118]
    assert 0.75 < quota.num_waiting / 128 < 0.85
    assert quota.is_crowded


@pytest.mark.parametrize("num_greedy", [1, 2, 3, 5, 8, 16, 30])
@pytest.mark.parametrize(("num_slots", "max_waiting"), [(16, 128), (4, 64), (1, 32)])
def test_greedy_keys_do_not_keep_another_out(
    num_greedy: int, num_slots: int, max_waiting: int
) -> None:
    """They get equal shares, and whoever comes then finds quota, unless so many keys have a few each."""
    quota = QueueQuota(num_slots=num_slots, max_waiting=max_waiting)
    counts = fill(quota, *(f"greedy {number}" for number in range(num_greedy)))
    assert max(counts) - min(counts) <= 1
    if min(counts) > SHARE:
        assert quota.has_room(1)
        assert quota.has_share("new", 1)
    assert sum(counts) >= 0.75 * (num_slots + max_waiting)


def test_callers_without_a_key_are_one_of_them_once_there_are_keys() -> None:
    """Whoever has a key finds quota as soon as some of the others have ended."""
    quota = QueueQuota(num_slots=2, max_waiting=8)
    assert fill(quota, "") == [10]
    assert not quota.has_room(1)
    assert quota.has_share("a", 1)
    quota.leave("", 1)
    assert not quota.has_share("", 1), "now it is known that there are keys"
    assert quota.has_room(1)
    quota.enter("a", 1)
    assert quota.num_open == 10


@pytest.mark.parametrize("num_slots", [1, 16])
def test_nothing_waits_where_nothing_may(num_slots: int) -> None:
    """But a key fills every place of the batch."""
    quota = QueueQuota(num_slots=num_slots, max_waiting=0)
    assert fill(quota, "a") == [num_slots]


def test_the_first_request_is_taken_whatever_it_asks() -> None:
    """Eight choices where there is a place for one."""
    quota = QueueQuota(num_slots=1, max_waiting=0)
    assert quota.has_room(8)
    quota.enter("a", 8)
    assert not quota.has_room(1)
    quota.leave("a", 8)
    assert (quota.num_open, quota.num_of("a"), quota.is_crowded) == (0, 0, False)


def test_tokens_are_shared_alike() -> None:
    quota = QueueQuota(num_slots=1, max_waiting=1)
    assert quota.share_of_tokens(500) is None
    quota.enter("a", 1)
    assert quota.share_of_tokens(500) == 2000
