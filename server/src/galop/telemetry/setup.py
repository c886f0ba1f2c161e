"""Creates the observers that the settings ask for, and passes requests to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from galop import __version__
from galop.chat.request import ChatRequest
from galop.telemetry.completions import CompletionObserver, CompletionObservers, Watch
from galop.telemetry.metrics import EngineState, Metrics
from galop.telemetry.prompt_log import PromptLog

if TYPE_CHECKING:
    from galop.telemetry.tracing import Tracing


class Telemetry:
    """Implements `http.observer.RequestObserver`. An async context manager, which sends the last spans at its end.

    `otlp_endpoint`: base URL of a trace collector; None for no traces.
    """

    def __init__(
        self,
        engine_state: Callable[[], EngineState],
        *,
        model_name: str,
        otlp_endpoint: str | None = None,
        log_prompts: bool = False,
    ) -> None:
        self.metrics = Metrics(engine_state, model_name=model_name, version=__version__)
        self._tracing = _tracing(otlp_endpoint)
        observers: list[CompletionObserver] = [self.metrics]
        if self._tracing is not None:
            observers.append(self._tracing)
        if log_prompts:
            observers.append(PromptLog())
        self._completions = CompletionObservers(observers, keeps_texts=log_prompts)

    @property
    def has_traces(self) -> bool:
        """Whether traces are sent to a collector."""
        return self._tracing is not None

    def around(self, application: Any) -> Any:  # Any: ASGI applications, of two libraries' types
        """`application`, with a span around each completion request if there are traces."""
        return application if self._tracing is None else self._tracing.around(application)

    def responded(self, status: int) -> None:
        """See `http.observer.RequestObserver`."""
        self.metrics.responded(status)

    def refused(self, error: Exception, status: int) -> None:
        """See `http.observer.RequestObserver`."""
        self.metrics.refused(error, status)

    def completion(self, request: ChatRequest) -> AbstractContextManager[Watch]:
        """See `http.observer.RequestObserver`."""
        return self._completions.completion(request)

    async def __aenter__(self) -> Telemetry:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.shutdown)


def _tracing(endpoint: str | None) -> Tracing | None:
    if endpoint is None:
        return None
    # Imported here: its packages come with the extra galop[otel].
    from galop.telemetry.tracing import Tracing, add_trace_id, otlp_exporter

    for handler in logging.getLogger().handlers:
        handler.addFilter(add_trace_id)
    return Tracing(otlp_exporter(endpoint), version=__version__)
