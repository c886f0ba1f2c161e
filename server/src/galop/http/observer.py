"""Who is told about responses and refused requests: metrics, in `galop serve`."""

from __future__ import annotations

from typing import Protocol


class RequestObserver(Protocol):
    """Is called on the event loop; must not block and must not raise."""

    def responded(self, status: int) -> None:
        """A response has begun."""

    def refused(self, error: Exception, status: int) -> None:
        """A request ended in `error`, before its first byte or in the middle of its stream."""


class NoObserver:
    """Nobody is told."""

    def responded(self, status: int) -> None:
        """Nothing."""

    def refused(self, error: Exception, status: int) -> None:
        """Nothing."""
