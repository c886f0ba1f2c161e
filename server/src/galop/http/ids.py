"""Ids of requests, completions and calls.

A request id is `req_` and a ULID in lower case: 48 bits of milliseconds, then 80 random bits, as 26
characters of Crockford's base32. Ids sort by time, to the millisecond.
"""

from __future__ import annotations

import secrets
import time
import uuid

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_NUM_CHARACTERS = 26  # 26 * 5 = 130 bits hold 48 + 80; the first character is at most '7'
_NUM_RANDOM_BITS = 80


def request_id_at(milliseconds: int, random_bits: int) -> str:
    """The request id of a time. `milliseconds`: since 1970, 48 bits; `random_bits`: 80 bits."""
    value = (milliseconds << _NUM_RANDOM_BITS) | random_bits
    shifts = range(5 * (_NUM_CHARACTERS - 1), -1, -5)
    return "req_" + "".join(_CROCKFORD[(value >> shift) & 31] for shift in shifts)


def new_request_id() -> str:
    """A request id of the current time."""
    return request_id_at(time.time_ns() // 1_000_000, secrets.randbits(_NUM_RANDOM_BITS))


def new_completion_id() -> str:
    """`chatcmpl-` and a random UUID."""
    return f"chatcmpl-{uuid.uuid4()}"


def new_call_id() -> str:
    """`call_` and 24 random hexadecimal digits."""
    return f"call_{secrets.token_hex(12)}"
