"""The client of one engine: sends requests to it, and delivers its events.

The owner of a client, `LocalEngine` (a thread) or `EngineProcess` (a process), carries its commands to
the engine. `Recovery` decides which requests run again when an engine died. `admission.control.AdmissionControl`
bounds the number of requests before they come here. All of this runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence, Set

from galop.protocol.errors import (
    BudgetTooSmallError,
    ConstraintFailedError,
    EngineDiedError,
    EngineError,
    EngineInternalError,
    EngineUnavailableError,
    NoDocumentError,
)
from galop.protocol.events import EngineEvent, Failed, Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest
from galop.workers.messages import Cancel, Command, Submit
from galop.workers.recovery import Attempt, Recovery
from galop.workers.replay import ReplayMismatchError

logger = logging.getLogger("galop.workers")


class Generation:
    """An async iterator over the events of one request. It ends when every choice has ended.

    Iteration raises the `EngineError` that ended the request, after the events before it.
    """

    def __init__(self, client: EngineClient, request: GenerationRequest) -> None:
        self.open_choices = set(range(request.num_choices))
        """Choices that have neither ended nor been cancelled."""
        self.attempt = Attempt(request)
        self.last_tokens_s: dict[int, float] = {}
        """Choice index to the time of its last tokens, in seconds on the client's clock."""
        self._client = client
        self._is_prefilled = False
        self._events: deque[Prefilled | Tokens | Finished] = deque()
        self._error: EngineError | None = None
        self._arrived: asyncio.Future[None] | None = None

    @property
    def request(self) -> GenerationRequest:
        """What was submitted."""
        return self.attempt.request

    def __aiter__(self) -> Generation:
        return self

    async def __anext__(self) -> Prefilled | Tokens | Finished:
        while not self._events:
            if self._error is not None:
                # Several requests may share it, and each raise would add to its traceback.
                raise self._error.with_traceback(None)
            if not self.open_choices:
                raise StopAsyncIteration
            self._arrived = asyncio.get_running_loop().create_future()
            try:
                await self._arrived
            finally:
                self._arrived = None
        return self._events.popleft()

    def cancel_choice(self, choice_index: int) -> None:
        """End one choice. Its events that have not been read yet stay readable."""
        if choice_index in self.open_choices:
            self._client.cancel(self, choice_index)

    def close(self) -> None:
        """End every choice that is still open; idempotent."""
        if self.open_choices:
            self._client.cancel(self, None)

    # Called by the client.

    def put(self, event: Prefilled | Tokens | Finished) -> None:
        """Append an event. Drops events of cancelled choices, and what an earlier engine sent already.

        Raises `ReplayMismatchError` if the engine generated other tokens than the one before it.
        """
        if isinstance(event, Prefilled):
            if self._is_prefilled:
                return
            self._is_prefilled = True
        elif event.choice_index not in self.open_choices:
            return
        if isinstance(event, Tokens):
            new = self.attempt.replay.new_tokens(event)
            if new is None:
                return
            event = new
        if isinstance(event, Finished):
            self.attempt.replay.check_finished(event.choice_index)
            self.open_choices.discard(event.choice_index)
        self._events.append(event)
        self._wake()

    def fail(self, error: EngineError) -> None:
        """End the iteration with an error, after the events that were put before."""
        self._error = error
        self.drop_choices(self.open_choices)

    def drop_choices(self, choices: Set[int]) -> None:
        """Count these choices as ended."""
        self.open_choices = self.open_choices - choices
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)


class EngineClient:
    """Submits requests to one engine, and delivers its events to their generations.

    Implements `chat.models.EngineClient`. `send` carries a command to the engine; it is called only while the
    engine is available.
    """

    def __init__(
        self,
        send: Callable[[Command], None],
        *,
        recovery: Recovery | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.unavailable_reason: str | None = "the engine is starting"
        """Why requests are refused now; None while the engine is available."""
        self.on_token_gap: Callable[[float], None] = lambda seconds: None
        """Called with the seconds between successive `Tokens` of one choice; must be quick."""
        self._send = send
        self._recovery = recovery or Recovery()
        self._clock = clock
        self._generations: dict[str, Generation] = {}

    def __repr__(self) -> str:
        state = self.unavailable_reason or "ready"
        return f"<EngineClient {state}, {len(self._generations)} requests in flight>"

    @property
    def is_idle(self) -> bool:
        """True while no request is in flight."""
        return not self._generations

    def submit(self, request: GenerationRequest) -> Generation:
        """Start a request, whose id is not in use. Raises `EngineUnavailableError` or
        `RequestQuarantinedError`."""
        if self.unavailable_reason is not None:
            raise EngineUnavailableError(self.unavailable_reason)
        self._recovery.check(request)
        generation = Generation(self, request)
        self._generations[request.request_id] = generation
        self._send_pending()
        return generation

    def cancel(self, generation: Generation, choice_index: int | None) -> None:
        """End one choice, or all for None. Its later events are dropped."""
        request_id = generation.request.request_id
        choices = generation.open_choices if choice_index is None else {choice_index}
        generation.drop_choices(choices)
        if not generation.open_choices:
            self._generations.pop(request_id, None)
        if self.unavailable_reason is None and generation.attempt.is_submitted:
            self._send(Cancel(request_id, choice_index))
            self._send_pending()

    def dispatch(self, events: Sequence[EngineEvent]) -> None:
        """Deliver the events of a step to their generations."""
        now_s = self._clock()
        for event in events:
            generation = self._generations.get(event.request_id)
            if generation is None:
                continue  # cancelled while the step ran
            self._dispatch_one(generation, event, now_s)
            if not generation.open_choices:
                del self._generations[event.request_id]
                self._send_pending()

    def engine_died(self, error: EngineDiedError) -> None:
        """Keep the requests in flight for the next engine, except those that `Recovery` lets fail."""
        attempts = [generation.attempt for generation in self._generations.values()]
        for attempt in self._recovery.after_death(attempts):
            self._generations.pop(attempt.request.request_id).fail(error)

    def engine_returned(self) -> None:
        """A new engine is available: send it the requests in flight, in order of arrival."""
        self.unavailable_reason = None
        self._send_pending()

    def fail_all(self, error: EngineError) -> None:
        """End every request in flight with this error."""
        generations, self._generations = self._generations, {}
        for generation in generations.values():
            generation.fail(error)

    def _dispatch_one(self, generation: Generation, event: EngineEvent, now_s: float) -> None:
        if isinstance(event, Failed):
            generation.fail(_error_of(event))
            return
        if isinstance(event, Tokens):
            self._measure_gap(generation, event.choice_index, now_s)
        try:
            generation.put(event)
        except ReplayMismatchError as error:
            logger.error("%s: %s", event.request_id, error)
            self._send(Cancel(event.request_id))
            generation.fail(EngineDiedError(exit_code=None))

    def _send_pending(self) -> None:
        """Send the requests that `Recovery` lets run now, and the cancellations of their choices."""
        attempts = [generation.attempt for generation in self._generations.values()]
        for attempt in self._recovery.next_to_submit(attempts):
            attempt.is_submitted = True
            request = attempt.request
            self._send(Submit(request))
            open_choices = self._generations[request.request_id].open_choices
            for choice_index in set(range(request.num_choices)) - open_choices:
                self._send(Cancel(request.request_id, choice_index))

    def _measure_gap(self, generation: Generation, choice_index: int, now_s: float) -> None:
        last_s = generation.last_tokens_s.get(choice_index)
        generation.last_tokens_s[choice_index] = now_s
        if last_s is not None:
            self.on_token_gap(now_s - last_s)


def _error_of(event: Failed) -> EngineError:
    if event.kind == "budget":
        return BudgetTooSmallError(
            num_tokens_needed=event.num_tokens_needed, num_tokens=event.num_tokens
        )
    if event.kind == "constraint":
        return ConstraintFailedError(event.detail)
    if event.kind == "no_document":
        return NoDocumentError()
    return EngineInternalError(event.detail)
