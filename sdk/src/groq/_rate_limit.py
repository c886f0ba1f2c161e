"""What the `x-ratelimit-*` response headers say, as numbers. Pure.

Source: API contract, section 5. Durations are Go style ("2m59.56s", "172ms"), never epochs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def parse_duration(text: str | None) -> float | None:
    """Seconds in a Go duration such as "1m0.36s"; None if the text is not one."""
    if not text:
        return None
    seconds, end = 0.0, 0
    for part in _DURATION_PART.finditer(text):
        if part.start() != end:
            return None
        seconds += float(part[1]) * _SECONDS[part[2]]
        end = part.end()
    return seconds if end == len(text) else None


def _parse_int(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The caller's allowance after one response. Requests are per day, tokens per minute.

    A field is None where the server did not say. `reset_*` is in seconds: how long until the
    allowance is full again.
    """

    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_requests: float | None = None
    limit_tokens: int | None = None
    remaining_tokens: int | None = None
    reset_tokens: float | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> RateLimit | None:
        """Read the six headers; None if the response carries none of them."""
        rate_limit = cls(
            limit_requests=_parse_int(headers.get("x-ratelimit-limit-requests")),
            remaining_requests=_parse_int(headers.get("x-ratelimit-remaining-requests")),
            reset_requests=parse_duration(headers.get("x-ratelimit-reset-requests")),
            limit_tokens=_parse_int(headers.get("x-ratelimit-limit-tokens")),
            remaining_tokens=_parse_int(headers.get("x-ratelimit-remaining-tokens")),
            reset_tokens=parse_duration(headers.get("x-ratelimit-reset-tokens")),
        )
        return None if rate_limit == cls() else rate_limit


RateLimit.__module__ = "groq"
