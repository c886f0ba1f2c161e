"""Types of options and arguments: names, limits, times, percentages, addresses.

click calls a function with the text of the value and prints the message of its ValueError after the
option's name.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

LARGEST_LIMIT = 2**53
"""The largest integer that a double holds exactly, as do all smaller ones."""
_UNITS_S = {"m": 60, "h": 3600, "d": 86400}


def key_name(text: str) -> str:
    """The name of a key or of a group."""
    if not re.fullmatch(r"[^\x00-\x1f\x7f`]{1,64}", text) or text != text.strip():
        raise ValueError(
            f"{text!r} is no name: 1 to 64 characters, no control characters, no backticks, "
            "no spaces around it"
        )
    if text in ("none", "all"):
        raise ValueError(f"{text!r} means something else here")
    return text


def group_name(text: str) -> str:
    """The name of a group, or `none`."""
    return text if text == "none" else key_name(text)


def limit(text: str) -> int | Literal["none"]:
    """A whole number, at least 1, or `none`."""
    if text == "none":
        return "none"
    if not re.fullmatch(r"[0-9]{1,16}", text) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise ValueError(f"{text!r} is neither a whole number, at least 1, nor none")
    return int(text)


def expiry(text: str) -> float | Literal["never"]:
    """Unix seconds of a time in the future, or `never`."""
    if text == "never":
        return "never"
    now = datetime.now(UTC)
    try:
        if (span := _time_span(text)) is not None:
            return (now + span).timestamp()
        end = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither 30d, 12h or 45m, nor a date YYYY-MM-DD, nor never"
        ) from None
    if end <= now:
        raise ValueError(f"{text} is over")
    return end.timestamp()


def time_span(text: str) -> timedelta:
    """A number of minutes, hours or days: `45m`, `12h`, `7d`."""
    span = _time_span(text)
    if span is None:
        raise ValueError(f"{text!r} is none of 45m, 12h, 7d")
    return span


def day(text: str) -> str:
    """A date, as YYYY-MM-DD."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise ValueError(f"{text!r} is no day: YYYY-MM-DD") from None


def percentage(text: str) -> float:
    """A fraction: `1%` and `1` are both 0.01. At most 1000%."""
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1000:
        raise ValueError(f"{text!r} is no percentage")
    return value / 100


def http_url(text: str) -> str:
    """An address that begins with http:// or https://."""
    if not text.startswith(("http://", "https://")):
        raise ValueError(f"{text!r} is not an http(s) address")
    return text


def _time_span(text: str) -> timedelta | None:
    match = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    return timedelta(seconds=int(match[1]) * _UNITS_S[match[2]]) if match else None
