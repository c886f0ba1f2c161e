"""The configuration of an engine process, from the settings."""

from __future__ import annotations

from galop.config.models import ServedModel
from galop.config.settings import Settings
from galop.host import available_cores
from galop.workers.messages import EngineConfig


def engine_config(settings: Settings, model: ServedModel) -> EngineConfig:
    """The engine's configuration. The engine reduces the context window to the trained one."""
    return EngineConfig(
        model=model.weights,
        num_slots=settings.max_sequences,
        context_window=settings.context_window,
        num_threads=settings.threads or available_cores(),
        threads_by_rows=dict(model.tuned.threads_by_rows) if model.tuned else {},
        prefill_chunk=settings.prefill_chunk,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )
