"""What becomes of the requests in flight when an engine dies. Pure: no process, no socket.

A request survives `crash_retries` deaths of an engine: it is run again from its prompt, and what its
reader has seen is left out (`replay`). On its last try it runs alone, before all others, so that one
more death names the request that caused it; its like are refused from then on (`quarantine`).
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
"""How many more times a request is tried when the engine dies while working on it."""


@dataclass(slots=True, eq=False)
class Attempt:
    """A request in flight, over the lives of several engines."""

    request: GenerationRequest
    is_submitted: bool = False
    """True once the current engine process was told of it."""
    num_deaths: int = 0
    """Engines that died while they had this request."""
    replay: Replay = field(default_factory=Replay)


class Recovery:
    """Decides what a new engine is given, and what is given up."""

    def __init__(
        self,
        *,
        crash_retries: int = DEFAULT_CRASH_RETRIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.crash_retries = crash_retries
        self._quarantine = Quarantine(clock)

    def check(self, request: GenerationRequest) -> None:
        """Raises `RequestQuarantinedError` for a request like one that killed engines."""
        if request in self._quarantine:
            raise RequestQuarantinedError

    def next_to_submit(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Of all requests in flight, in order of arrival, those that the engine is to be told of now.

        Nothing runs beside a request on its last try.
        """
        suspects = [attempt for attempt in attempts if self._is_last_try(attempt)]
        if not suspects:
            return [attempt for attempt in attempts if not attempt.is_submitted]
        is_busy = any(attempt.is_submitted for attempt in attempts)
        return [] if is_busy else suspects[:1]

    def after_death(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Prepare the requests in flight for the next engine. Returns those that are given up."""
        submitted = [attempt for attempt in attempts if attempt.is_submitted]
        given_up = []
        for attempt in submitted:
            was_last_try = self._is_last_try(attempt)
            attempt.num_deaths += 1
            attempt.is_submitted = False
            attempt.replay.start()
            if attempt.num_deaths > self.crash_retries:
                given_up.append(attempt)
                if was_last_try and len(submitted) == 1:
                    self._keep_out(attempt.request)
        return given_up

    def _keep_out(self, request: GenerationRequest) -> None:
        logger.error("%s killed the engine: refused from now on", request.request_id)
        self._quarantine.add(request)

    def _is_last_try(self, attempt: Attempt) -> bool:
        return 0 < self.crash_retries == attempt.num_deaths
