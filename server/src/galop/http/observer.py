"""The interface of observers of responses, errors and completions; `galop serve` passes `Telemetry`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from galop.chat.events import CompletionEvent
from galop.chat.request import ChatRequest


class CompletionWatch(Protocol):
    """Observer of one completion."""

    def take(self, event: CompletionEvent) -> None:
        """The next event of the completion. Must not block and must not raise."""


class RequestObserver(Protocol):
    """Called on the event loop; must not block and must not raise."""

    def responded(self, status: int) -> None:
        """A response with `status` has started."""

    def refused(self, error: Exception, status: int) -> None:
        """A request failed with `error`, before its response started or during its stream."""

    def completion(self, request: ChatRequest) -> AbstractContextManager[CompletionWatch]:
        """Observes a completion that begins with the block and ends with it."""


class _NoWatch:
    def take(self, event: CompletionEvent) -> None:
        pass


class NoObserver:
    """Ignores all events."""

    def responded(self, status: int) -> None:
        """Nothing."""

    def refused(self, error: Exception, status: int) -> None:
        """Nothing."""

    @contextmanager
    def completion(self, request: ChatRequest) -> Iterator[CompletionWatch]:
        """Nothing."""
        yield _NoWatch()
