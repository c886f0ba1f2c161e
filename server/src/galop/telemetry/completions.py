"""Watches completions go by, and tells observers when one starts to answer and when it has ended.

Costs one call per event. What a token costs beyond that, `Metrics.token_gap` pays.
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
class Completion:
    """What is known of one completion so far. Times are of a monotonic clock, in seconds."""

    request: ChatRequest
    arrived_s: float
    arrived_unix_ns: int
    started: Started | None = None
    """None until the first token exists."""
    started_s: float = 0.0
    ended_s: float = 0.0
    finish_reasons: list[str] = field(default_factory=list)
    """Of the choices, in the order in which they ended."""
    usage: Usage | None = None
    """None where the completion did not get to its end."""
    error: Exception | None = None
    is_cancelled: bool = False
    """The caller left, or the server gave up on it."""
    texts: dict[int, list[str]] | None = None
    """What each choice said, where an observer wants it."""

    def take(self, event: CompletionEvent, clock: Callable[[], float]) -> None:
        """Remember what matters of an event."""
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
    """Is told about every completion, on the event loop; must not block and must not raise."""

    def started(self, completion: Completion) -> None:
        """The first token exists."""

    def ended(self, completion: Completion) -> None:
        """Nothing more comes, for whatever reason."""


class CompletionObservers:
    """Tells several observers of every completion."""

    def __init__(
        self,
        observers: Sequence[CompletionObserver],
        *,
        keeps_texts: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`keeps_texts`: an observer wants what each choice said."""
        self._observers = tuple(observers)
        self._keeps_texts = keeps_texts
        self._clock = clock

    @contextmanager
    def completion(self, request: ChatRequest) -> Iterator[Watch]:
        """Watches a completion from here to the end of the block, however it ends."""
        completion = Completion(request, self._clock(), time.time_ns())
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
    """Implements `http.CompletionWatch`."""

    def __init__(
        self,
        completion: Completion,
        observers: Sequence[CompletionObserver],
        clock: Callable[[], float],
    ) -> None:
        self._completion = completion
        self._observers = observers
        self._clock = clock

    def take(self, event: CompletionEvent) -> None:
        """Remember what matters of an event; the first one tells the observers."""
        self._completion.take(event, self._clock)
        if isinstance(event, Started):
            for observer in self._observers:
                observer.started(self._completion)
