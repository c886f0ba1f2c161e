"""Deadlines, with a clock that a test turns by hand."""

from __future__ import annotations

import copy

import httpx
import pytest

from groq import DEFAULT_TIMEOUT, Timeout
from groq._deadline import Deadline


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_not_given_keeps_the_default() -> None:
    """`Timeout(total=30)` changes nothing but the total."""
    timeout = Timeout(total=30)

    assert (timeout.connect, timeout.read, timeout.total) == (5.0, 60, 30)
    assert Timeout() == DEFAULT_TIMEOUT


def test_it_is_an_httpx_timeout() -> None:
    """Numbers, tuples and httpx's own objects mean what they mean there."""
    assert Timeout(3.0) == httpx.Timeout(3.0)
    assert Timeout(httpx.Timeout(1, connect=2)).connect == 2
    assert Timeout(None).read is None
    assert isinstance(Timeout(1), httpx.Timeout)
    assert copy.deepcopy(Timeout(1, total=2)) == Timeout(1, total=2)
    assert Timeout(1, total=2) != httpx.Timeout(1)


def test_the_nearest_limit_counts() -> None:
    """Before the first event `first_token` rules, after it `between_tokens`, always `total`."""
    clock = Clock()
    deadline = Deadline(Timeout(total=10, first_token=3, between_tokens=1), clock)

    assert deadline.remaining() == (3.0, "first_token")
    clock.now += 2
    deadline.note_token()
    assert deadline.remaining() == (1.0, "between_tokens")
    clock.now += 7.5
    deadline.note_token()
    assert deadline.remaining() == (0.5, "total")


def test_an_expired_deadline_names_itself() -> None:
    """Remaining time is never negative."""
    clock = Clock()
    deadline = Deadline(Timeout(total=1), clock)
    before = deadline.expired_phase

    clock.now += 5

    assert (before, deadline.expired_phase) == (None, "total")
    assert deadline.cap(60) == 0.0


@pytest.mark.parametrize(("wait", "capped"), [(None, 2.0), (60.0, 2.0), (1.0, 1.0)])
def test_a_wait_is_capped_by_what_is_left(wait: float | None, capped: float) -> None:
    """The shorter of both limits wins."""
    assert Deadline(Timeout(total=2), Clock()).cap(wait) == capped
