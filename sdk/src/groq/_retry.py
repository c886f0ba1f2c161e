"""Whether to try again, and when. Pure: decides, never sleeps, never sends.

The rule above all others: never earlier than the server said. If it asks for more patience than
the policy has, the error goes to the caller at once, carrying `retry_after`.
"""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ._constants import INITIAL_RETRY_DELAY, MAX_RETRY_DELAY
from ._rate_limit import RateLimit


@dataclass(frozen=True, slots=True)
class RetryDetails:
    """One planned retry, as told to `RetryPolicy.on_retry`. The first retry is number 1."""

    retry_number: int
    wait_s: float
    status_code: int | None
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a client retries. How often is `max_retries`, of the client or of the call.

    Args:
        statuses: status codes below 500 that are worth another try. 498 is a busy flex tier.
        server_errors: whether every status of 500 and above is.
        base_s: the first wait; it doubles with each retry. A quarter of it is random.
        cap_s: the longest wait of our own choosing.
        max_wait_s: the longest `Retry-After` we obey; beyond it the call fails at once.
        budget_s: the longest sum of waits within one call; None is no limit.
        on_retry: called before each wait, in the thread or task that waits.
    """

    statuses: frozenset[int] = frozenset({408, 409, 429, 498})
    server_errors: bool = True
    base_s: float = INITIAL_RETRY_DELAY
    cap_s: float = MAX_RETRY_DELAY
    max_wait_s: float = 60.0
    budget_s: float | None = None
    on_retry: Callable[[RetryDetails], object] | None = None

    def retries_status(self, status_code: int, headers: Mapping[str, str]) -> bool:
        """Whether an answer with this status deserves another try; `x-should-retry` overrules."""
        verdict = headers.get("x-should-retry")
        if verdict in ("true", "false"):
            return verdict == "true"
        return status_code in self.statuses or (self.server_errors and status_code >= 500)

    def backoff_s(self, retry_number: int, *, jitter: float) -> float:
        """Our own wait before the given retry; `jitter` in [0, 1) takes off up to a quarter."""
        return float(min(self.base_s * 2.0 ** (retry_number - 1), self.cap_s)) * (1 - 0.25 * jitter)

    def wait_s(
        self,
        retry_number: int,
        headers: Mapping[str, str] | None,
        *,
        waited_s: float = 0.0,
        jitter: float | None = None,
    ) -> float | None:
        """Seconds to wait before retry `retry_number`, or None if waiting is not worth it."""
        wait = self.backoff_s(retry_number, jitter=random.random() if jitter is None else jitter)
        asked = None if headers is None else requested_wait_s(headers)
        if asked is not None:
            if asked > self.max_wait_s:
                return None
            # A Retry-After of zero is no advice: keep our own pace.
            wait = asked if asked > 0 else wait
        if self.budget_s is not None and waited_s + wait > self.budget_s:
            return None
        return wait


def parse_retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds named by `retry-after-ms` or `retry-after` (number or HTTP date); None if neither."""
    milliseconds = headers.get("retry-after-ms")
    if milliseconds is not None:
        try:
            return float(milliseconds) / 1000
        except ValueError:
            pass
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    date = email.utils.parsedate_tz(text)
    if date is None:
        return None
    return max(0.0, email.utils.mktime_tz(date) - (time.time() if now is None else now))


def requested_wait_s(headers: Mapping[str, str]) -> float | None:
    """The wait the server asks for: Retry-After, else the reset of an exhausted allowance."""
    retry_after = parse_retry_after(headers)
    if retry_after is not None:
        return retry_after
    rate_limit = RateLimit.from_headers(headers)
    if rate_limit is None:
        return None
    resets = [
        reset
        for remaining, reset in (
            (rate_limit.remaining_requests, rate_limit.reset_requests),
            (rate_limit.remaining_tokens, rate_limit.reset_tokens),
        )
        if remaining == 0 and reset is not None
    ]
    return max(resets, default=None)


for _public in (RetryPolicy, RetryDetails):
    _public.__module__ = "groq"
del _public
