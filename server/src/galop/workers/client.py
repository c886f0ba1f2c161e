"""The server's side of one engine: requests in flight, and their events.

`EngineClient` implements `chat.Engine`. How commands reach the engine is left to its owner: `LocalEngine`
(a thread) or `EngineProcess` (a process). What becomes of requests when an engine dies is decided by
`Recovery`; how many requests there may be, by `admission.AdmissionControl`, before they come here.
Everything here runs on the event loop's thread.
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
)
from galop.protocol.events import EngineEvent, Failed, Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest
from galop.workers.messages import Cancel, Command, Submit
from galop.workers.recovery import Attempt, Recovery
from galop.workers.replay import ReplayMismatchError

logger = logging.getLogger("galop.workers")


class Generation:
    """The events of one request, as they come. Ends when every choice has ended.

    Raises the `EngineError` that ended the request, if one did.
    """

    def __init__(self, client: EngineClient, request: GenerationRequest) -> None:
        self.open_choices = set(range(request.num_choices))
        """Choices that have neither ended nor been cancelled."""
        self.attempt = Attempt(request)
        self.last_tokens_s: dict[int, float] = {}
        """Choice to the time of its last tokens, on the client's clock."""
        self._client = client
        self._has_told_prefilled = False
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
        """Generate no more for one choice; its earlier events stay readable."""
        if choice_index in self.open_choices:
            self._client.cancel(self, choice_index)

    def close(self) -> None:
        """Cancel every choice that is still open; idempotent."""
        if self.open_choices:
            self._client.cancel(self, None)

    # Called by the client.

    def put(self, event: Prefilled | Tokens | Finished) -> None:
        """Add an event. Events of cancelled choices, and those that an earlier engine has sent already,
        are dropped.

        Raises `ReplayMismatchError` if the engine sends other tokens than the one before it.
        """
        if isinstance(event, Prefilled):
            if self._has_told_prefilled:
                return
            self._has_told_prefilled = True
        elif event.choice_index not in self.open_choices:
            return
        if isinstance(event, Tokens):
            news = self.attempt.replay.news_in(event)
            if news is None:
                return
            event = news
        if isinstance(event, Finished):
            self.attempt.replay.check_finished(event.choice_index)
            self.open_choices.discard(event.choice_index)
        self._events.append(event)
        self._wake()

    def fail(self, error: EngineError) -> None:
        """End with an error, after the events that are here already."""
        self._error = error
        self.drop_choices(self.open_choices)

    def drop_choices(self, choices: Set[int]) -> None:
        """Expect no more events of these choices."""
        self.open_choices = self.open_choices - choices
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)


class EngineClient:
    """Submits requests to one engine and hands their events to whoever asked.

    `send` carries a command to the engine; it is called only while the engine is available.
    """

    def __init__(
        self,
        send: Callable[[Command], None],
        *,
        recovery: Recovery | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.unavailable_reason: str | None = "the engine is starting"
        """Why no request is taken now; None while the engine is available."""
        self.on_token_gap: Callable[[float], None] = lambda seconds: None
        """Called with the seconds between two steps' tokens of one choice; must be quick."""
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
        """The events of a new request. Raises `EngineUnavailableError` or `RequestQuarantinedError`."""
        if self.unavailable_reason is not None:
            raise EngineUnavailableError(self.unavailable_reason)
        self._recovery.check(request)
        generation = Generation(self, request)
        self._generations[request.request_id] = generation
        self._send_pending()
        return generation

    def cancel(self, generation: Generation, choice_index: int | None) -> None:
        """End one choice, or all: they count as gone from now on, and the engine is told."""
        request_id = generation.request.request_id
        choices = generation.open_choices if choice_index is None else {choice_index}
        generation.drop_choices(choices)
        if not generation.open_choices:
            self._generations.pop(request_id, None)
        if self.unavailable_reason is None and generation.attempt.is_submitted:
            self._send(Cancel(request_id, choice_index))
            self._send_pending()

    def dispatch(self, events: Sequence[EngineEvent]) -> None:
        """Give the events of a step to the requests they belong to."""
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
        """Keep what is in flight for the next engine; fail what `Recovery` gives up."""
        attempts = [generation.attempt for generation in self._generations.values()]
        for attempt in self._recovery.after_death(attempts):
            self._generations.pop(attempt.request.request_id).fail(error)

    def engine_returned(self) -> None:
        """A new engine takes requests: hand over what the last one left, in order of arrival."""
        self.unavailable_reason = None
        self._send_pending()

    def fail_all(self, error: EngineError) -> None:
        """End every request in flight."""
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
        """Submit what the engine has not been told of yet, as far as `Recovery` lets it run now."""
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
    return EngineInternalError(event.detail)
