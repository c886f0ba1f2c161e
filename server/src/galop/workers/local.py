"""An engine on a thread of this process, for tests and for programs that embed galop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType

from galop.engine.constraint import ConstraintFactory
from galop.engine.engine import DEFAULT_PREFILL_CHUNK, Engine
from galop.engine.runner import ModelRunner
from galop.protocol.events import EngineEvent
from galop.protocol.requests import GenerationRequest
from galop.workers.client import EngineClient, Generation
from galop.workers.messages import Cancel, Command, Submit


class LocalEngine:
    """An engine whose thread runs while this async context manager is entered.

    Requests go to `submit`, or to its `client`, on the event loop that entered it. Nothing here bounds their
    number: `admission` does.
    """

    def __init__(
        self,
        runner: ModelRunner,
        *,
        constraint_factory: ConstraintFactory | None = None,
        prefill_chunk: int = DEFAULT_PREFILL_CHUNK,
    ) -> None:
        self.client = EngineClient(self._send)
        self.engine = Engine(
            runner,
            self._on_events,
            constraint_factory=constraint_factory,
            prefill_chunk=prefill_chunk,
        )
        self._thread = threading.Thread(target=self.engine.run, name="galop-engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> LocalEngine:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self.client.engine_returned()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.client.unavailable_reason = "the engine has stopped"
        self.engine.stop()
        await asyncio.to_thread(self._thread.join)

    def submit(self, request: GenerationRequest) -> Generation:
        """See `EngineClient.submit`."""
        return self.client.submit(request)

    def _send(self, command: Command) -> None:
        if isinstance(command, Submit):
            self.engine.submit(command.request)
        elif isinstance(command, Cancel):
            self.engine.cancel(command.request_id, command.choice_index)

    def _on_events(self, events: Sequence[EngineEvent]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.client.dispatch, list(events))
