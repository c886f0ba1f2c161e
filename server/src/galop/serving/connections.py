"""Clients that keep a connection and do nothing with it: which ones, and since when.

uvicorn bounds how long a connection may idle between two requests. This bounds the rest: a request
that does not come, or stops half-way, and an answer that is not read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

logger = logging.getLogger("galop.app")


class Connection(Protocol):
    """What we look at of uvicorn's connections; the same for all its HTTP protocols."""

    transport: asyncio.Transport
    cycle: Any  # None before the first request, else uvicorn's or a RefusedCycle
    timeout_keep_alive_task: asyncio.TimerHandle | None


@dataclass(frozen=True, slots=True)
class _Wait:
    since_s: float
    cycle: object
    num_unsent_bytes: int

    def goes_on(self, cycle: object, num_unsent_bytes: int) -> bool:
        """The client has done nothing since, neither sent nor read."""
        return self.cycle is cycle and (
            0 < self.num_unsent_bytes <= num_unsent_bytes
            or self.num_unsent_bytes == num_unsent_bytes == 0
        )


class ConnectionGuard:
    """Ends connections whose client keeps us waiting for `timeout_s`. Call `look` every second."""

    def __init__(self, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._waits: dict[Connection, _Wait] = {}

    def look(self, connections: Collection[Connection]) -> None:
        """Compare with the last look; what is cut off, its handlers see as a client that left."""
        now_s = self._clock()
        waits: dict[Connection, _Wait] = {}
        for each in connections:
            num_unsent_bytes = each.transport.get_write_buffer_size()
            if not num_unsent_bytes and not _owes_a_request(each):
                continue
            last = self._waits.get(each)
            is_same = last is not None and last.goes_on(each.cycle, num_unsent_bytes)
            since_s = last.since_s if is_same and last is not None else now_s
            if now_s - since_s < self._timeout_s:
                waits[each] = _Wait(since_s, each.cycle, num_unsent_bytes)
            else:
                what = "does not read" if num_unsent_bytes else "does not send its request"
                logger.info("a client %s: disconnected after %.0f s", what, now_s - since_s)
                each.transport.abort()
        self._waits = waits


def _owes_a_request(connection: Connection) -> bool:
    """Connected and silent, or in the middle of a request; not idle after an answer."""
    cycle = connection.cycle
    if cycle is None:
        return True
    if cycle.response_complete:
        return connection.timeout_keep_alive_task is None
    return bool(cycle.more_body)
