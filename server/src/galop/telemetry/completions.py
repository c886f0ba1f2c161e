"""Records the course of each completion and calls observers at its first token and at its end.

Costs one call per event. `Metrics.token_gap`, which the engine's client calls, is not part of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from galop.chat.events import ChoiceFinished, CompletionEvent, ContentDelta, Started, Usage
from galop.chat.request import ChatRequest


@dataclass(slots=True)
class CompletionRecord:
    """The course of one completion so far. Seconds are of a monotonic clock."""

    request: ChatRequest
    """As `http` passed it to `chat`."""
    arrived_s: float
    """When the body had been read and checked."""
    arrived_unix_ns: int
    """The same moment, in nanoseconds since 1970."""
    started: Started | None = None
    """None until the first token exists."""
    started_s: float = 0.0
    """When `started` came; 0 before."""
    ended_s: float = 0.0
    """When the last event, an error or the cancellation came; 0 before."""
    finish_reasons: list[str] = field(default_factory=list)
    """Of the choices, in the order in which they ended."""
    usage: Usage | None = None
    """None unless the completion is complete."""
    error: Exception | None = None
    """What ended the completion, unless it was complete or cancelled."""
    is_cancelled: bool = False
    """The client disconnected or the deadline passed before the completion was complete."""
    texts: dict[int, list[str]] | None = None
    """Pieces of content by index of the choice; None if no observer needs them."""

    def take(self, event: CompletionEvent, clock: Callable[[], float]) -> None:
        """Records an event."""
        if isinstance(event, ContentDelta):
            if self.texts is not None:
                self.texts.setdefault(event.choice_index, []).append(event.text)
        elif isinstance(event, Started):
            self.started, self.started_s = event, clock()
        elif isinstance(event, ChoiceFinished):
            self.finish_reasons.append(event.finish_reason)
        elif isinstance(event, Usage):
            self.usage = event


class CompletionObserver(Protocol):
    """Called for every completion, on the event loop; must not block and must not raise."""

    def started(self, completion: CompletionRecord) -> None:
        """The first token exists. Not called if the completion ends before."""

    def ended(self, completion: CompletionRecord) -> None:
        """The completion is complete, cancelled or failed."""


class CompletionObservers:
    """Calls several observers for every completion."""

    def __init__(
        self,
        observers: Sequence[CompletionObserver],
        *,
        keeps_texts: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`keeps_texts`: fill `CompletionRecord.texts`."""
        self._observers = tuple(observers)
        self._keeps_texts = keeps_texts
        self._clock = clock

    @contextmanager
    def completion(self, request: ChatRequest) -> Iterator[Watch]:
        """Records a completion that begins with the block and ends with it."""
        completion = CompletionRecord(request, self._clock(), time.time_ns())
        if self._keeps_texts:
            completion.texts = {}
        try:
            yield Watch(completion, self._observers, self._clock)
        except (asyncio.CancelledError, GeneratorExit):
            completion.is_cancelled = completion.usage is None
            raise
        except Exception as error:
            completion.error = error
            raise
        finally:
            completion.ended_s = self._clock()
            for observer in self._observers:
                observer.ended(completion)


class Watch:
    """Implements `http.observer.CompletionWatch`."""

    def __init__(
        self,
        completion: CompletionRecord,
        observers: Sequence[CompletionObserver],
        clock: Callable[[], float],
    ) -> None:
        self._completion = completion
        self._observers = observers
        self._clock = clock

    def take(self, event: CompletionEvent) -> None:
        """Records an event; calls the observers at the first token."""
        self._completion.take(event, self._clock)
        if isinstance(event, Started):
            for observer in self._observers:
                observer.started(self._completion)
