"""The server's side of an engine: requests in flight, their events, and the bound on how many.

`EngineHandle` implements `chat.Engine`. How commands reach the engine is left to `LocalEngine` (a
thread) and `EngineProcess` (a process). Everything here runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence, Set

from galop.admission.queue_quota import Room
from galop.protocol.errors import (
    BudgetTooSmallError,
    ConstraintFailedError,
    EngineDiedError,
    EngineError,
    EngineInternalError,
    EngineUnavailableError,
    QueueFullError,
    QueueShareFullError,
    QueueUnit,
    RequestQuarantinedError,
)
from galop.protocol.events import EngineEvent, Failed, Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest
from galop.workers.messages import Cancel, Command, Submit
from galop.workers.quarantine import Quarantine
from galop.workers.replay import Replay, ReplayMismatchError

logger = logging.getLogger("galop.workers")

DEFAULT_MAX_WAITING = 128
"""Choices that may wait for a slot. More would wait for minutes; better to say so at once."""
DEFAULT_MAX_WAITING_TOKENS = 131_072
"""Prompt tokens that may wait to be computed."""
DEFAULT_CRASH_RETRIES = 2
"""How many more times a request is tried when the engine dies while working on it."""
_LONGEST_RETRY_AFTER_S = 30


class Generation:
    """The events of one request, as they come. Ends when every choice has ended.

    Raises the `EngineError` that ended the request, if one did.
    """

    def __init__(self, handle: EngineHandle, request: GenerationRequest) -> None:
        self.request = request
        self.open_choices = set(range(request.num_choices))
        self.is_prefilled = False
        self.is_submitted = False
        """The engine that lives now has been told of it."""
        self.num_deaths = 0
        """How many engines died while they had this request."""
        self.last_tokens_s: dict[int, float] = {}
        """When each choice got tokens last."""
        self._handle = handle
        self._replay = Replay()
        self._has_told_prefilled = False
        self._events: deque[Prefilled | Tokens | Finished] = deque()
        self._error: EngineError | None = None
        self._arrived: asyncio.Future[None] | None = None

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
        """Generate no more for one choice; what came before stays readable."""
        if choice_index in self.open_choices:
            self._handle.cancel(self, choice_index)

    def close(self) -> None:
        """Cancel every choice that is still open; idempotent."""
        if self.open_choices:
            self._handle.cancel(self, None)

    # Called by the handle.

    def put(self, event: Prefilled | Tokens | Finished) -> None:
        """Add an event; those of choices that were cancelled meanwhile are dropped, and what was
        there before the engine died.

        Raises `ReplayMismatchError` if the engine now says something else than it did then.
        """
        if isinstance(event, Prefilled):
            self.is_prefilled = True
            if self._has_told_prefilled:
                return
            self._has_told_prefilled = True
        if isinstance(event, Tokens | Finished) and event.choice_index not in self.open_choices:
            return
        if isinstance(event, Tokens):
            news = self._replay.news_in(event)
            if news is None:
                return
            event = news
        if isinstance(event, Finished):
            self._replay.check_finished(event.choice_index)
            self._end_choices({event.choice_index})
        self._events.append(event)
        self._wake()

    def start_again(self) -> None:
        """The engine died: what comes next begins with what came before."""
        self.num_deaths += 1
        self.is_submitted = self.is_prefilled = False
        self._replay.start()

    def fail(self, error: EngineError) -> None:
        """End with an error, after the events that are here already."""
        self._error = error
        self._end_choices(self.open_choices)
        self._wake()

    def drop_choices(self, choice_index: int | None) -> None:
        """Forget one open choice, or all."""
        self._end_choices(self.open_choices if choice_index is None else {choice_index})
        self._wake()

    def _end_choices(self, choices: Set[int]) -> None:
        ended = self.open_choices & choices
        self.open_choices -= ended
        self._handle.room.leave(self.request.key_id, len(ended))

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)


class EngineHandle(ABC):
    """Submits requests and hands their events to whoever asked.

    `num_slots` choices run at once, `max_waiting` more may wait, with no more than
    `max_waiting_tokens` prompt tokens still to be computed; beyond that `generate` refuses. No key
    gets all of it where there are several: see `worker.room`.

    A request survives `crash_retries` deaths of the engine. On its last try it runs alone, before
    all others, so that one more death names the request that caused it.
    """

    def __init__(
        self,
        send: Callable[[Command], None],
        *,
        num_slots: int,
        max_waiting: int = DEFAULT_MAX_WAITING,
        max_waiting_tokens: int = DEFAULT_MAX_WAITING_TOKENS,
        crash_retries: int = DEFAULT_CRASH_RETRIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self.room = Room(num_slots=num_slots, max_waiting=max_waiting)
        self._num_slots = num_slots
        self._max_waiting = max_waiting
        self._max_waiting_tokens = max_waiting_tokens
        self._crash_retries = crash_retries
        self._quarantine = Quarantine(clock)
        self._clock = clock
        self._generations: dict[str, tuple[Generation, float]] = {}
        self._typical_duration_s = 1.0
        self.unavailable_reason: str | None = "the engine is starting"
        self._draining_reason: str | None = None
        self.on_token_gap: Callable[[float], None] = lambda seconds: None
        """Called with the time between two steps' tokens of one choice; must be quick."""

    def __repr__(self) -> str:
        state = self.unavailable_reason or "ready"
        return f"<{type(self).__name__} {state}, {self.num_open_choices} choices open>"

    @property
    def num_open_choices(self) -> int:
        """Choices that run or wait."""
        return self.room.num_open

    def readiness(self) -> str | None:
        """None when requests are taken, else the reason why not."""
        return self._draining_reason or self.unavailable_reason

    def drain(self, reason: str) -> None:
        """Take no new requests from now on; those in flight go on, crashes included."""
        self._draining_reason = reason

    @abstractmethod
    def load(self) -> tuple[int, int]:
        """How many choices run and how many wait, as of the engine's last step."""

    def require_room(self, num_choices: int, key_id: str) -> None:
        """Raises `EngineUnavailableError` or `QueueFullError` where `generate` would, for so many
        choices and any prompt of this key."""
        if (reason := self.readiness()) is not None:
            raise EngineUnavailableError(reason)
        room = self.room
        if not room.has_room(num_choices):
            raise self._full("sequences", room.num_waiting, self._max_waiting, num_choices)
        if not room.has_share(key_id, num_choices):
            num_own, share = room.num_of(key_id), room.share_of(key_id, num_choices) or 0
            raise self._full("sequences", num_own, share, num_choices, QueueShareFullError)

    def generate(self, request: GenerationRequest) -> Generation:
        """Submit. Raises at once `EngineUnavailableError`, `QueueFullError` or
        `RequestQuarantinedError`."""
        self.require_room(request.num_choices, request.key_id)
        if request in self._quarantine:
            raise RequestQuarantinedError
        self._require_room_for_prompt(request)
        generation = Generation(self, request)
        self.room.enter(request.key_id, request.num_choices)
        self._generations[request.request_id] = (generation, self._clock())
        self._submit_pending()
        return generation

    def cancel(self, generation: Generation, choice_index: int | None) -> None:
        """Tell the engine; the choice counts as gone from now on."""
        request_id = generation.request.request_id
        generation.drop_choices(choice_index)
        if not generation.open_choices:
            self._generations.pop(request_id, None)
        if self.unavailable_reason is None and generation.is_submitted:
            self._send(Cancel(request_id, choice_index))
            self._submit_pending()

    def dispatch(self, events: Sequence[EngineEvent]) -> None:
        """Give the events of a step to the requests they belong to."""
        now_s = self._clock()
        for event in events:
            entry = self._generations.get(event.request_id)
            if entry is None:
                continue  # cancelled while the step ran
            generation, started_s = entry
            if isinstance(event, Failed):
                generation.fail(_error_of(event))
            else:
                if isinstance(event, Tokens):
                    self._measure_gap(generation, event.choice_index, now_s)
                try:
                    generation.put(event)
                except ReplayMismatchError as error:
                    logger.error("%s: %s", event.request_id, error)
                    self._send(Cancel(event.request_id))
                    generation.fail(EngineDiedError(exit_code=None))
            if not generation.open_choices:
                del self._generations[event.request_id]
                duration_s = now_s - started_s
                self._typical_duration_s += 0.1 * (duration_s - self._typical_duration_s)
                self._submit_pending()

    def engine_died(self, error: EngineDiedError) -> None:
        """Keep what is in flight for the next engine; fail what has used up its tries."""
        submitted = [each for each, _ in self._generations.values() if each.is_submitted]
        for generation in submitted:
            was_alone = self._is_last_try(generation)
            generation.start_again()
            if generation.num_deaths > self._crash_retries:
                del self._generations[generation.request.request_id]
                if was_alone and len(submitted) == 1:
                    logger.error(
                        "%s killed the engine: refused from now on", generation.request.request_id
                    )
                    self._quarantine.add(generation.request)
                generation.fail(error)

    def engine_returned(self) -> None:
        """Hand over what the last engine left, in the order in which it came."""
        self._submit_pending()

    def _submit_pending(self) -> None:
        """Tell the engine what it does not know yet. Nothing runs beside a last try."""
        generations = [generation for generation, _ in self._generations.values()]
        suspects = [each for each in generations if self._is_last_try(each)]
        if suspects:
            generations = [] if any(each.is_submitted for each in generations) else suspects[:1]
        for generation in generations:
            if not generation.is_submitted:
                generation.is_submitted = True
                self._submit(generation)

    def _submit(self, generation: Generation) -> None:
        request = generation.request
        self._send(Submit(request))
        for choice_index in set(range(request.num_choices)) - generation.open_choices:
            self._send(Cancel(request.request_id, choice_index))

    def _is_last_try(self, generation: Generation) -> bool:
        return 0 < self._crash_retries == generation.num_deaths

    def fail_all(self, error: EngineError) -> None:
        """End every request in flight."""
        generations, self._generations = self._generations, {}
        for generation, _ in generations.values():
            generation.fail(error)

    def _measure_gap(self, generation: Generation, choice_index: int, now_s: float) -> None:
        last_s = generation.last_tokens_s.get(choice_index)
        generation.last_tokens_s[choice_index] = now_s
        if last_s is not None:
            self.on_token_gap(now_s - last_s)

    def _require_room_for_prompt(self, request: GenerationRequest) -> None:
        num_tokens = num_own = 0
        for generation, _ in self._generations.values():
            if not generation.is_prefilled:
                num_prompt_tokens = len(generation.request.prompt_token_ids)
                num_tokens += num_prompt_tokens
                num_own += num_prompt_tokens * (generation.request.key_id == request.key_id)
        num_new = len(request.prompt_token_ids)
        limit = self._max_waiting_tokens
        if num_tokens and num_tokens + num_new > limit:
            raise self._full("prompt tokens", num_tokens, limit, request.num_choices)
        share = self.room.share_of_tokens(limit - num_tokens - num_new)
        if num_own and share is not None and num_own + num_new > share:
            full = QueueShareFullError
            raise self._full("prompt tokens", num_own, share, request.num_choices, full)

    def _full(
        self,
        unit: QueueUnit,
        num_waiting: int,
        limit: int,
        num_choices: int,
        error: type[QueueFullError] = QueueFullError,
    ) -> QueueFullError:
        rounds = (self.room.num_waiting + num_choices) / self._num_slots
        wait_s = math.ceil(rounds * self._typical_duration_s)
        return error(
            num_waiting=num_waiting,
            limit=limit,
            retry_after_s=min(max(wait_s, 1), _LONGEST_RETRY_AFTER_S),
            unit=unit,
        )


def _error_of(event: Failed) -> EngineError:
    if event.kind == "budget":
        return BudgetTooSmallError(
            num_tokens_needed=event.num_tokens_needed, num_tokens=event.num_tokens
        )
    if event.kind == "constraint":
        return ConstraintFailedError(event.detail)
    return EngineInternalError(event.detail)
