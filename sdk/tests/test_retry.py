"""The retry decision, without clock or network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq import RetryPolicy
from groq._retry import parse_retry_after, requested_wait_s

POLICY = RetryPolicy()


@pytest.mark.parametrize("status", [408, 409, 429, 498, 500, 502, 503, 599])
def test_passing_trouble_is_worth_another_try(status: int) -> None:
    """These statuses may be gone in a moment."""
    assert POLICY.retries_status(status, {})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 424])
def test_a_refusal_is_final(status: int) -> None:
    """Repeating the same request would be refused again."""
    assert not POLICY.retries_status(status, {})


def test_the_server_has_the_last_word() -> None:
    """`x-should-retry` overrules the table, both ways."""
    assert POLICY.retries_status(400, {"x-should-retry": "true"})
    assert not POLICY.retries_status(503, {"x-should-retry": "false"})


@given(st.floats(0.001, 60), st.integers(1, 9), st.floats(0, 0.999))
def test_a_wait_is_never_shorter_than_the_server_asked(
    asked: float, retry_number: int, jitter: float
) -> None:
    """Retry-After up to the cap is obeyed to the millisecond, whatever our own pace says."""
    wait = POLICY.wait_s(retry_number, {"retry-after": str(asked)}, jitter=jitter)

    assert wait == pytest.approx(asked)


@pytest.mark.parametrize("asked", ["61", "300", "86400"])
def test_a_longer_wait_than_the_cap_is_not_cut_short(asked: str) -> None:
    """Beyond max_wait_s the call fails at once instead of retrying too early."""
    assert POLICY.wait_s(1, {"retry-after": asked}) is None


def test_waits_double_up_to_the_cap_and_are_never_random_by_more_than_a_quarter() -> None:
    """0.5, 1, 2, 4, 8, 8 seconds, less up to a quarter."""
    longest = [POLICY.wait_s(number, None, jitter=0.0) for number in range(1, 7)]
    shortest = [POLICY.wait_s(number, None, jitter=1.0) for number in range(1, 7)]

    assert longest == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert shortest == [0.375, 0.75, 1.5, 3.0, 6.0, 6.0]


def test_the_budget_bounds_the_sum_of_waits() -> None:
    """A call that has waited its budget gives up."""
    policy = RetryPolicy(budget_s=1.0)

    assert policy.wait_s(1, None, waited_s=0.0, jitter=0.0) == 0.5
    assert policy.wait_s(2, None, waited_s=0.5, jitter=0.0) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:30 GMT"}, 20.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}, 0.0),
        ({"retry-after": "later"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds win over seconds; dates count from now; nonsense is no advice."""
    assert parse_retry_after(headers, now=10.0) == seconds


def test_an_exhausted_allowance_says_when_it_is_full_again() -> None:
    """Without Retry-After, the reset of the dimension that is at zero is the wait asked for."""
    headers = {
        "x-ratelimit-remaining-requests": "5",
        "x-ratelimit-reset-requests": "6s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1m2.5s",
    }

    assert requested_wait_s(headers) == 62.5
