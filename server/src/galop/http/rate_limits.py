"""Rate limits on the wire: headers `x-ratelimit-...` and `retry-after`, and messages of 413 and 429.

Source: the API reference, "Rate limits". Clients parse numbers and durations in the messages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from galop.accounts.errors import RateLimitExceededError, RequestTooLargeError
from galop.accounts.limits import COUNTS_TOKENS, LimitName, RemainingLimits
from galop.http.schema import ErrorType

LIMIT_WORDS: Mapping[LimitName, str] = {
    "rpm": "requests per minute (RPM)",
    "tpm": "tokens per minute (TPM)",
    "rpd": "requests per day (RPD)",
    "tpd": "tokens per day (TPD)",
}

_SHORTEST_WAIT_S = 0.001


def rate_limit_headers(remaining_limits: RemainingLimits) -> dict[str, str]:
    """The headers `x-ratelimit-...`: requests per day, tokens per minute."""
    headers = {}
    for unit, gauge in (
        ("requests", remaining_limits.requests),
        ("tokens", remaining_limits.tokens),
    ):
        if gauge is not None:
            headers[f"x-ratelimit-limit-{unit}"] = str(gauge.limit)
            headers[f"x-ratelimit-remaining-{unit}"] = str(gauge.remaining)
            headers[f"x-ratelimit-reset-{unit}"] = duration_text(
                math.floor(gauge.reset_s * 1000) / 1000
            )
    return headers


def rate_limit_message(error: RateLimitExceededError) -> str:
    """Message of a 429. Clients parse the numbers and the duration, so their form must stay."""
    return (
        f"Rate limit of `{error.exceeded.owner}` for model `{error.model}` reached on "
        f"{LIMIT_WORDS[error.exceeded.name]}: Limit {error.exceeded.limit}, Used {error.exceeded.used}, "
        f"Requested {error.exceeded.requested}. Please try again in "
        f"{duration_text(max(error.exceeded.wait_s, _SHORTEST_WAIT_S))}."
    )


def too_large_message(error: RequestTooLargeError) -> str:
    """Message of a 413."""
    return (
        f"Request too large for model `{error.model}`: `{error.exceeded.owner}` has a limit on "
        f"{LIMIT_WORDS[error.exceeded.name]}: Limit {error.exceeded.limit}, Requested {error.exceeded.requested}. Please reduce "
        "the messages or max_tokens and try again."
    )


def error_type(error: RateLimitExceededError | RequestTooLargeError) -> ErrorType:
    """`tokens` or `requests`."""
    return "tokens" if COUNTS_TOKENS[error.exceeded.name] else "requests"


def retry_headers(error: RateLimitExceededError) -> dict[str, str]:
    """`retry-after` in seconds, rounded up; with a daily limit also `x-should-retry: false`."""
    headers = {"retry-after": str(math.ceil(max(error.exceeded.wait_s, _SHORTEST_WAIT_S)))}
    if error.exceeded.name in ("rpd", "tpd"):
        headers["x-should-retry"] = "false"
    return headers


def duration_text(seconds: float) -> str:
    """A duration as Go prints it (package time, Duration.String): 2h22m12.864s, 6s, 172ms, 0s."""
    nanoseconds = round(seconds * 1e9)
    if nanoseconds < 1_000_000_000:
        return f"{_decimal(nanoseconds, 1_000_000)}ms" if nanoseconds else "0s"
    minutes, rest = divmod(nanoseconds, 60 * 1_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000_000)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = f"{fraction:0{len(str(unit)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
