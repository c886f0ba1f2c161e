"""How long a request may take, as its sender or the operator says.

A deadline counts from the arrival of the request and holds in every phase: in the queue, in prefill
and in decode. Past it, the request's sequences are freed at the engine's next step.
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
"""Seconds, as a decimal number."""

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Deadline:
    """`timeout_s` after the arrival of a request."""

    at_s: float
    """On the event loop's clock."""
    timeout_s: float


def deadline_of(headers: Headers, longest_s: float | None) -> Deadline | None:
    """For a request that arrives now; None where nobody wants one. The header can only shorten
    `longest_s`. Raises `InvalidRequestError`."""
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
    """`events`, as long as they come in time. Then raises `RequestTimeoutError`."""
    while True:
        try:
            async with asyncio.timeout_at(deadline.at_s):
                event = await anext(events, None)
        except TimeoutError:
            raise RequestTimeoutError(timeout_s=deadline.timeout_s) from None
        if event is None:
            return
        yield event
