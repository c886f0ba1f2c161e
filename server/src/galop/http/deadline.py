"""Deadlines of requests, from the header `x-request-timeout` and the operator's setting.

A deadline counts from the arrival of the request and covers queue, prefill and decode. After it the engine
frees the sequences of the request at its next step.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import Headers

from galop.chat.events import CompletionEvent
from galop.http.errors import InvalidRequestError, RequestTimeoutError

HEADER = "x-request-timeout"
"""Its value: seconds above 0, as a decimal number without exponent."""

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time by which a request must be finished."""

    at_s: float
    """Seconds on the event loop's clock."""
    timeout_s: float
    """Seconds from the arrival of the request to `at_s`; above 0."""


def deadline_of(headers: Headers, longest_s: float | None) -> Deadline | None:
    """The deadline of a request that arrives now; None without header and operator's limit.

    `longest_s`: the operator's limit in seconds; the header can only shorten it. Raises
    `InvalidRequestError` if the header is no positive number.
    """
    text = headers.get(HEADER)
    timeout_s = longest_s
    if text is not None:
        if not _SECONDS.fullmatch(text) or float(text) == 0:
            raise InvalidRequestError(
                f"header '{HEADER}' : must be a number of seconds above 0, such as 30 or 2.5",
                param=HEADER,
            )
        timeout_s = min(float(text), longest_s or float(text))
    if timeout_s is None:
        return None
    return Deadline(asyncio.get_running_loop().time() + timeout_s, timeout_s)


async def until(
    deadline: Deadline, events: AsyncGenerator[CompletionEvent, None]
) -> AsyncGenerator[CompletionEvent, None]:
    """Yields `events`; raises `RequestTimeoutError` if the next one does not come before `deadline`."""
    while True:
        try:
            async with asyncio.timeout_at(deadline.at_s):
                event = await anext(events, None)
        except TimeoutError:
            raise RequestTimeoutError(timeout_s=deadline.timeout_s) from None
        if event is None:
            return
        yield event
