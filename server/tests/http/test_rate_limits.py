"""The words of rate limits on the wire."""

from __future__ import annotations

import re

import pytest

from galop.accounts.errors import RateLimitExceededError
from galop.accounts.limits import ExceededLimit, LimitName, LimitStatus, RemainingLimits
from galop.http.rate_limits import (
    duration_text,
    rate_limit_headers,
    rate_limit_message,
    retry_headers,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.172, "172ms"),
        (1.57, "1.57s"),
        (6.0, "6s"),
        (50.597142857, "50.597142857s"),
        (179.56, "2m59.56s"),
        (367.2, "6m7.2s"),
        (8532.864, "2h22m12.864s"),
        (86400.0, "24h0m0s"),
    ],
)
def test_durations_have_the_form_of_go(seconds: float, text: str) -> None:
    """Its clients parse them."""
    assert duration_text(seconds) == text


def test_the_headers_show_requests_per_day_and_tokens_per_minute() -> None:
    """Whole numbers, and times cut to milliseconds; nothing where there is no limit."""
    shown = RemainingLimits(
        requests=LimitStatus(14400, 14399, 6.0), tokens=LimitStatus(250_000, 248_367, 0.39192)
    )
    assert rate_limit_headers(shown) == {
        "x-ratelimit-limit-requests": "14400",
        "x-ratelimit-remaining-requests": "14399",
        "x-ratelimit-reset-requests": "6s",
        "x-ratelimit-limit-tokens": "250000",
        "x-ratelimit-remaining-tokens": "248367",
        "x-ratelimit-reset-tokens": "391ms",
    }
    assert rate_limit_headers(RemainingLimits()) == {}


def exceeded(name: LimitName, wait_s: float) -> RateLimitExceededError:
    limit = ExceededLimit(
        owner="team", name=name, limit=100_000, used=98_485, requested=1_940, wait_s=wait_s
    )
    return RateLimitExceededError(limit, model="m", remaining_limits=RemainingLimits())


def test_clients_find_the_numbers_in_the_message() -> None:
    """With the expressions that are in use."""
    message = rate_limit_message(exceeded("tpd", 367.2))
    assert re.findall(r"Limit (\d+), Used (\d+), Requested ~?(\d+)", message) == [
        ("100000", "98485", "1940")
    ]
    found = re.search(r"try again in ([\dhms.]+)", message)
    assert found is not None
    assert found[1].rstrip(".") == "6m7.2s"
    assert "tokens per day (TPD)" in message


@pytest.mark.parametrize(
    ("name", "wait_s", "headers"),
    [
        ("tpm", 50.6, {"retry-after": "51"}),
        ("rpm", 1e-6, {"retry-after": "1"}),
        ("rpd", 6.0, {"retry-after": "6", "x-should-retry": "false"}),
        ("tpd", 901.152, {"retry-after": "902", "x-should-retry": "false"}),
    ],
)
def test_retry_after_is_rounded_up(name: LimitName, wait_s: float, headers: dict[str, str]) -> None:
    """And clients do not sleep on a daily limit."""
    assert retry_headers(exceeded(name, wait_s)) == headers
