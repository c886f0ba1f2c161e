"""Who observes completions, as the settings say: metrics always, traces and prompts where asked."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

from galop import __version__
from galop.config.settings import Settings
from galop.telemetry import CompletionObserver, EngineFigures, Metrics
from galop.telemetry.prompt_log import PromptLog
from galop.workers.supervisor import EngineProcess

if TYPE_CHECKING:
    from galop.telemetry.tracing import Tracing


class Telemetry:
    """Metrics, and traces if there is a collector. Use as an async context manager: its end sends
    the last spans."""

    def __init__(self, settings: Settings, engine: EngineProcess, *, model_name: str) -> None:
        num_places = settings.max_sequences * settings.context_window
        self.metrics = Metrics(
            lambda: engine_figures(engine, num_places), model_name=model_name, version=__version__
        )
        engine.on_token_gap = self.metrics.token_gap
        self._tracing = _tracing(settings.otlp_endpoint)
        self.observers: list[CompletionObserver] = [self.metrics]
        if self._tracing is not None:
            self.observers.append(self._tracing)
        if settings.log_prompts:
            self.observers.append(PromptLog())

    @property
    def has_traces(self) -> bool:
        """Somebody collects them."""
        return self._tracing is not None

    def around(self, application: Any) -> Any:  # Any: ASGI applications, of two libraries' types
        """The application, traced if there are traces."""
        return application if self._tracing is None else self._tracing.around(application)

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


def engine_figures(engine: EngineProcess, num_kv_token_places: int) -> EngineFigures:
    """The engine in the words of `telemetry`."""
    figures = engine.figures
    return EngineFigures(
        is_ready=engine.readiness() is None,
        num_running=figures.num_running,
        num_waiting=figures.num_waiting,
        num_running_kv_tokens=figures.num_running_kv_tokens,
        num_cached_kv_tokens=figures.num_cached_kv_tokens,
        num_kv_token_places=num_kv_token_places,
        num_draft_tokens=figures.num_draft_tokens,
        num_accepted_tokens=figures.num_accepted_tokens,
        num_restarts=engine.num_restarts,
        process_id=engine.pid,
    )


def _tracing(endpoint: str | None) -> Tracing | None:
    if endpoint is None:
        return None
    # An extra: see `app.checks`.
    from galop.telemetry.tracing import Tracing, add_trace_id, otlp_exporter

    for handler in logging.getLogger().handlers:
        handler.addFilter(add_trace_id)
    return Tracing(otlp_exporter(endpoint), version=__version__)
