"""Disconnects clients that do not send their request or do not read their response.

uvicorn bounds only the idle time between two requests. `ConnectionGuard` bounds the time to a first
request, within a request, and without reading.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

logger = logging.getLogger("galop.serving")


class Connection(Protocol):
    """The attributes of uvicorn's connections that are used; the same for all its HTTP protocols."""

    transport: asyncio.Transport
    cycle: Any  # None before the first request, else uvicorn's or a RefusedCycle
    timeout_keep_alive_task: asyncio.TimerHandle | None
    """None while a request is read or answered."""


@dataclass(frozen=True, slots=True)
class _Wait:
    """The state of a connection whose client did nothing at the last check."""

    since_s: float
    """When the client began to do nothing, on the guard's clock."""
    cycle: object
    """The connection's cycle."""
    num_unsent_bytes: int
    """Bytes in the transport's write buffer."""

    def is_continued(self, cycle: object, num_unsent_bytes: int) -> bool:
        """Whether the client has neither sent a request nor read any byte since."""
        return self.cycle is cycle and (
            0 < self.num_unsent_bytes <= num_unsent_bytes
            or self.num_unsent_bytes == num_unsent_bytes == 0
        )


class ConnectionGuard:
    """Ends connections whose client does nothing for `timeout_s`. Call `check` every second."""

    def __init__(self, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._waits: dict[Connection, _Wait] = {}

    def check(self, connections: Collection[Connection]) -> None:
        """Compares with the last check. To its handlers, an ended connection is a client's disconnect."""
        now_s = self._clock()
        waits: dict[Connection, _Wait] = {}
        for each in connections:
            num_unsent_bytes = each.transport.get_write_buffer_size()
            if not num_unsent_bytes and not _owes_a_request(each):
                continue
            last = self._waits.get(each)
            is_same = last is not None and last.is_continued(each.cycle, num_unsent_bytes)
            since_s = last.since_s if is_same and last is not None else now_s
            if now_s - since_s < self._timeout_s:
                waits[each] = _Wait(since_s, each.cycle, num_unsent_bytes)
            else:
                what = "does not read" if num_unsent_bytes else "does not send its request"
                logger.info("a client %s: disconnected after %.0f s", what, now_s - since_s)
                each.transport.abort()
        self._waits = waits


def _owes_a_request(connection: Connection) -> bool:
    """Whether the client must send its first request or the rest of one."""
    cycle = connection.cycle
    if cycle is None:
        return True
    if cycle.response_complete:
        return connection.timeout_keep_alive_task is None
    return bool(cycle.more_body)
