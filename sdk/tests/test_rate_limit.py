"""Reading the rate-limit headers."""

from __future__ import annotations

import pytest

from groq import RateLimit
from groq._rate_limit import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2m59.56s", 179.56),
        ("6s", 6.0),
        ("172ms", 0.172),
        ("1h0m1s", 3601.0),
        ("2h22m12.864s", 8532.864),
        ("0s", 0.0),
    ],
)
def test_go_durations_become_seconds(text: str, seconds: float) -> None:
    """Every unit the servers send is understood."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", [None, "", "soon", "5", "1m later", "-1s"])
def test_what_is_no_duration_is_none(text: str | None) -> None:
    """Nothing is guessed from a text of another form."""
    assert parse_duration(text) is None


def test_headers_become_numbers() -> None:
    """The six headers are read; a malformed one is None, the rest stays."""
    rate_limit = RateLimit.from_headers(
        {
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-remaining-requests": "14399",
            "x-ratelimit-reset-requests": "6s",
            "x-ratelimit-limit-tokens": "many",
        }
    )

    assert rate_limit == RateLimit(14400, 14399, 6.0, None, None, None)


def test_no_headers_are_no_rate_limit() -> None:
    """A response without any of them has no allowance to report."""
    assert RateLimit.from_headers({"content-type": "application/json"}) is None
