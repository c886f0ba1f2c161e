"""Time limits that hold. Pure: takes the clock as a function.

httpx limits the wait for each read; a body that drips one byte a second never runs into it. A
Deadline knows when the whole call, the first token and the next token are due, and answers one
question: how long may the next wait be, and whose limit is that?
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from ._constants import DEFAULT_TIMEOUT
from ._types import NOT_GIVEN, NotGiven


def check_limits(limits: Mapping[str, Any]) -> None:
    """Raise unless each limit is None or a number of seconds; name the one that is not."""
    for name, seconds in limits.items():
        if seconds is None:
            continue
        if not isinstance(seconds, (int, float)):
            raise TypeError(f"timeout: {name} must be seconds or None, not {seconds!r}")
        if not seconds >= 0:
            raise ValueError(f"timeout: {name} must not be negative, but is {seconds!r}")


class Timeout(httpx.Timeout):
    """Limits of one call, in seconds; None is no limit.

    `timeout`, `connect`, `read`, `write` and `pool` are httpx's: each bounds a single wait, and
    what is not given keeps this client's default. Three more are deadlines:

    Args:
        total: from the call to the end of the answer, over all retries and waits.
        first_token: from the call to the first event of a stream.
        between_tokens: between two events of a stream; keep-alive comments do not count.
    """

    def __init__(
        self,
        timeout: float | httpx.Timeout | tuple[Any, ...] | None | NotGiven = NOT_GIVEN,
        *,
        connect: float | None | NotGiven = NOT_GIVEN,
        read: float | None | NotGiven = NOT_GIVEN,
        write: float | None | NotGiven = NOT_GIVEN,
        pool: float | None | NotGiven = NOT_GIVEN,
        total: float | None = None,
        first_token: float | None = None,
        between_tokens: float | None = None,
    ) -> None:
        base = httpx.Timeout(DEFAULT_TIMEOUT if isinstance(timeout, NotGiven) else timeout)
        super().__init__(
            connect=base.connect if isinstance(connect, NotGiven) else connect,
            read=base.read if isinstance(read, NotGiven) else read,
            write=base.write if isinstance(write, NotGiven) else write,
            pool=base.pool if isinstance(pool, NotGiven) else pool,
        )
        if isinstance(timeout, Timeout):
            total = timeout.total if total is None else total
            first_token = timeout.first_token if first_token is None else first_token
            between_tokens = timeout.between_tokens if between_tokens is None else between_tokens
        self.total: float | None = total
        self.first_token: float | None = first_token
        self.between_tokens: float | None = between_tokens
        check_limits(self.__dict__)

    @property
    def has_deadlines(self) -> bool:
        return not (self.total is None and self.first_token is None and self.between_tokens is None)

    def __eq__(self, other: Any) -> bool:
        if isinstance(other, Timeout):
            return self.__dict__ == other.__dict__
        if isinstance(other, httpx.Timeout):
            return not self.has_deadlines and self.as_dict() == other.as_dict()
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as httpx.Timeout: mutable, compared by value

    def __repr__(self) -> str:
        deadlines = "".join(
            f", {name}={value}"
            for name in ("total", "first_token", "between_tokens")
            if (value := getattr(self, name)) is not None
        )
        return (
            f"Timeout(connect={self.connect}, read={self.read}, write={self.write},"
            f" pool={self.pool}{deadlines})"
        )


class Deadline:
    """The clock of one call. `remaining` is asked before each wait, `note_token` told each event."""

    def __init__(self, timeout: Timeout, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._between_tokens_s = timeout.between_tokens
        started = clock()
        self._total_at = None if timeout.total is None else started + timeout.total
        self._token_at = None if timeout.first_token is None else started + timeout.first_token
        self._token_phase = "first_token"

    def note_token(self) -> None:
        """An event of the stream has arrived: the next one is due `between_tokens` from now."""
        self._token_phase = "between_tokens"
        between = self._between_tokens_s
        self._token_at = None if between is None else self._clock() + between

    def remaining(self) -> tuple[float | None, str]:
        """Seconds until the nearest limit, never negative, and its name; None without limits."""
        total_at, token_at = self._total_at, self._token_at
        if token_at is not None and (total_at is None or token_at < total_at):
            return max(0.0, token_at - self._clock()), self._token_phase
        if total_at is not None:
            return max(0.0, total_at - self._clock()), "total"
        return None, "total"

    @property
    def expired_phase(self) -> str | None:
        """The limit that has passed, or None."""
        seconds, phase = self.remaining()
        return phase if seconds is not None and seconds <= 0 else None

    def cap(self, wait_s: float | None) -> float | None:
        """The shorter of `wait_s` and what is left; None if neither limits."""
        seconds, _ = self.remaining()
        if seconds is None:
            return wait_s
        return seconds if wait_s is None else min(wait_s, seconds)


Timeout.__module__ = "groq"
