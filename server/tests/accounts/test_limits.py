"""The arithmetic of rate limits, against what the service of 2024 was seen to answer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.accounts.limits import (
    WINDOW_S,
    Bucket,
    BucketId,
    LimitName,
    LimitScope,
    RateLimits,
    bucket_ids,
    consume,
    find_exceeded_limit,
    remaining_limits,
)


def scope(name: str = "team", **limits: int) -> LimitScope:
    return LimitScope(f"group:{name}", name, RateLimits(**limits))


def filled(of: LimitScope, name: LimitName, used: float) -> dict[BucketId, Bucket]:
    return {BucketId(of.id, name): Bucket(used, 100.0)}


@pytest.mark.parametrize(
    ("name", "limit", "used", "requested", "wait_s"),
    [
        ("tpd", 100_000, 98_485, 1_940, 367.2),
        ("tpd", 100_000, 97_644, 12_232, 8532.864),
        ("rpd", 14_400, 14_400, 1, 6.0),
        ("rpm", 30, 30, 1, 2.0),
    ],
)
def test_the_wait_is_as_long_as_the_refill_takes(
    name: LimitName, limit: int, used: int, requested: int, wait_s: float
) -> None:
    """(used + requested - limit) / limit * window."""
    team = LimitScope("group:team", "team", RateLimits(**{name: limit}))
    exceeded = find_exceeded_limit(
        [team], filled(team, name, used), num_tokens=requested, now_s=100.0
    )
    assert exceeded is not None
    assert exceeded.wait_s == pytest.approx(wait_s)
    assert (exceeded.limit, exceeded.used, exceeded.requested) == (limit, used, requested)


@pytest.mark.parametrize(
    ("limit", "used", "reset_s"),
    [(6000, 157, 1.57), (250_000, 1633, 0.39192), (6000, 0, 0.0)],
)
def test_the_reset_is_when_the_bucket_is_empty(limit: int, used: int, reset_s: float) -> None:
    """used / limit * window."""
    team = scope(tpm=limit)
    gauge = remaining_limits([team], filled(team, "tpm", used), now_s=100.0).tokens
    assert gauge is not None
    assert (gauge.limit, gauge.remaining) == (limit, limit - used)
    assert gauge.reset_s == pytest.approx(reset_s)


def test_a_request_larger_than_the_limit_never_fits() -> None:
    """Even if the bucket is empty; it outranks every wait."""
    team = scope(tpm=100, rpm=1)
    buckets = filled(team, "rpm", 1)
    exceeded = find_exceeded_limit([team], buckets, num_tokens=101, now_s=100.0)
    assert exceeded is not None
    assert (exceeded.name, exceeded.wait_s) == ("tpm", math.inf)


def test_the_longest_wait_is_reported() -> None:
    """After the shorter one, the request would be refused again."""
    key, team = LimitScope("key:1", "alice", RateLimits(tpm=60)), scope(rpd=10)
    buckets = filled(key, "tpm", 60) | filled(team, "rpd", 10)
    exceeded = find_exceeded_limit([key, team], buckets, num_tokens=6, now_s=100.0)
    assert exceeded is not None
    assert (exceeded.owner, exceeded.name, exceeded.wait_s) == ("team", "rpd", 8640.0)


def test_the_smaller_remainder_of_key_and_group_is_reported() -> None:
    """For requests per day and tokens per minute; None if unlimited."""
    key, team = LimitScope("key:1", "alice", RateLimits(tpm=50)), scope(tpm=1000, tpd=5, rpm=5)
    shown = remaining_limits([key, team], filled(team, "tpm", 970), now_s=100.0)
    assert shown.tokens is not None
    assert (shown.tokens.limit, shown.tokens.remaining) == (1000, 30)
    assert shown.requests is None


def test_buckets_are_listed_in_sorted_order() -> None:
    """Locking them in this order cannot deadlock."""
    a, b = scope("a", tpm=1, rpm=1), scope("b", tpm=1, rpd=1)
    assert bucket_ids([a, b]) == bucket_ids([b, a])


def test_a_clock_that_goes_back_refills_nothing() -> None:
    """And consumes nothing."""
    bucket = Bucket(50.0, 100.0)
    assert bucket.used_at(90.0, 60, "rpm") == 50.0
    assert bucket.used_at(110.0, 60, "rpm") == 40.0


requests = st.lists(st.tuples(st.integers(1, 120), st.floats(0, 30)), max_size=60)


@given(requests=requests, limit=st.integers(1, 100))
def test_the_reported_wait_is_exact(requests: list[tuple[int, float]], limit: int) -> None:
    """After `wait_s` the request fits; a moment earlier it did not; no window takes more than twice
    the limit (a full bucket, and its refill)."""
    team = scope(tpm=limit)
    buckets: dict[BucketId, Bucket] = {}
    now_s, taken = 0.0, []
    for num_tokens, gap_s in requests:
        now_s += gap_s
        exceeded = find_exceeded_limit([team], buckets, num_tokens=num_tokens, now_s=now_s)
        if exceeded is not None and math.isfinite(exceeded.wait_s):
            later_s = now_s + exceeded.wait_s
            assert find_exceeded_limit([team], buckets, num_tokens=num_tokens, now_s=later_s - 1e-3)
            assert not find_exceeded_limit(
                [team], buckets, num_tokens=num_tokens, now_s=later_s + 1e-3
            )
        elif exceeded is None:
            buckets |= consume([team], buckets, num_requests=1, num_tokens=num_tokens, now_s=now_s)
            taken.append((now_s, num_tokens))
        window = [tokens for at_s, tokens in taken if at_s > now_s - WINDOW_S["tpm"]]
        assert sum(window) <= 2 * limit


@given(used=st.floats(0, 100), returned=st.floats(0, 200))
def test_giving_back_never_leaves_credit(used: float, returned: float) -> None:
    """`used` never falls below 0."""
    team = scope(tpm=100)
    changed = consume(
        [team], filled(team, "tpm", used), num_requests=0, num_tokens=-returned, now_s=100.0
    )
    assert changed[BucketId(team.id, "tpm")].used == pytest.approx(max(0.0, used - returned))
