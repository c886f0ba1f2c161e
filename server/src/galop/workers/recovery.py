"""Decides which requests run again after an engine died, and which fail. No process, no socket.

A request runs again up to `crash_retries` times, from its prompt; tokens that were delivered are left out
(`replay`). On its last try it runs alone, before all others. So if the engine dies once more, that request is
the cause: requests like it are refused for a while (`quarantine`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from galop.protocol.errors import RequestQuarantinedError
from galop.protocol.requests import GenerationRequest
from galop.workers.quarantine import Quarantine
from galop.workers.replay import Replay

logger = logging.getLogger("galop.workers")

DEFAULT_CRASH_RETRIES = 2
"""How many more times a request is run if the engine dies while it runs it."""


@dataclass(slots=True, eq=False)
class Attempt:
    """A request in flight, and what earlier engine processes did with it."""

    request: GenerationRequest
    is_submitted: bool = False
    """Sent to the current engine process."""
    num_deaths: int = 0
    """Engine processes that died while they had this request."""
    replay: Replay = field(default_factory=Replay)
    """The tokens that were generated so far."""


class Recovery:
    """Decides which requests in flight are sent to an engine, and which fail."""

    def __init__(
        self,
        *,
        crash_retries: int = DEFAULT_CRASH_RETRIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.crash_retries = crash_retries
        self._quarantine = Quarantine(clock)

    def check(self, request: GenerationRequest) -> None:
        """Raises `RequestQuarantinedError` if a request like this one killed the engine."""
        if request in self._quarantine:
            raise RequestQuarantinedError

    def next_to_submit(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """The requests to send to the engine now, in order of arrival. `attempts`: all in flight, in that
        order.

        While one of them is on its last try, nothing runs beside it.
        """
        suspects = [attempt for attempt in attempts if self._is_last_try(attempt)]
        if not suspects:
            return [attempt for attempt in attempts if not attempt.is_submitted]
        is_busy = any(attempt.is_submitted for attempt in attempts)
        return [] if is_busy else suspects[:1]

    def after_death(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Reset the requests in flight for the next engine. Returns those that fail instead."""
        submitted = [attempt for attempt in attempts if attempt.is_submitted]
        failed = []
        for attempt in submitted:
            was_last_try = self._is_last_try(attempt)
            attempt.num_deaths += 1
            attempt.is_submitted = False
            attempt.replay.restart()
            if attempt.num_deaths > self.crash_retries:
                failed.append(attempt)
                if was_last_try and len(submitted) == 1:
                    self._refuse_from_now_on(attempt.request)
        return failed

    def _refuse_from_now_on(self, request: GenerationRequest) -> None:
        logger.error("%s killed the engine: refused from now on", request.request_id)
        self._quarantine.add(request)

    def _is_last_try(self, attempt: Attempt) -> bool:
        return 0 < self.crash_retries == attempt.num_deaths
