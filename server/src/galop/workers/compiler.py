"""Compiles the constraints of requests before the engine sees them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING

from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import ConstraintFailedError
from galop.protocol.requests import GenerationRequest
from galop.workers.messages import Cancel

if TYPE_CHECKING:  # it imports numpy
    from galop.engine.constraint import ConstraintFactory

logger = logging.getLogger("galop.workers")


class ConstraintCompiler:
    """Compiles constraints one after the other on a thread of its own, then submits their requests.

    `submit` and `cancel` belong to the engine; both must be quick and thread safe. Cancellations of a
    request that the engine does not have yet are kept until it has it.
    """

    def __init__(
        self,
        factory: ConstraintFactory,
        submit: Callable[[GenerationRequest], None],
        cancel: Callable[[str, int | None], None],
    ) -> None:
        self._factory = factory
        self._submit = submit
        self._cancel = cancel
        self._requests: SimpleQueue[GenerationRequest] = SimpleQueue()
        self._lock = threading.Lock()
        self._pending: dict[str, list[Cancel]] = {}
        """Request id to cancellations, for each request that is not submitted yet. Guarded by the lock."""
        threading.Thread(target=self._run, name="galop-compiler", daemon=True).start()

    def submit(self, request: GenerationRequest) -> None:
        """Compile the constraint of the request, then submit it. Returns at once."""
        with self._lock:
            self._pending[request.request_id] = []
        self._requests.put(request)

    def cancel(self, command: Cancel) -> bool:
        """Cancel a choice of a request, or all of it, if it is not submitted yet. False if it is."""
        with self._lock:
            cancellations = self._pending.get(command.request_id)
            if cancellations is not None:
                cancellations.append(command)
            return cancellations is not None

    def _run(self) -> None:
        while True:
            self._compile(self._requests.get())

    def _compile(self, request: GenerationRequest) -> None:
        assert request.constraint is not None
        with self._lock:
            is_cancelled = _is_whole_cancelled(self._pending[request.request_id])
        if not is_cancelled:
            self._prepare(request.constraint)
        # The lock is held until the engine has the request: a cancellation is either in the list or comes
        # to the engine after the request.
        with self._lock:
            cancellations = self._pending.pop(request.request_id)
            if _is_whole_cancelled(cancellations):
                return
            self._submit(request)
            for each in cancellations:
                self._cancel(each.request_id, each.choice_index)

    def _prepare(self, spec: ConstraintSpec) -> None:
        try:
            self._factory.prepare(spec)
        except ConstraintFailedError:
            pass  # the engine gets the same error when it builds the constraint, and fails the request
        except Exception:
            logger.exception("a constraint could not be compiled ahead")


def _is_whole_cancelled(cancellations: list[Cancel]) -> bool:
    return any(each.choice_index is None for each in cancellations)
