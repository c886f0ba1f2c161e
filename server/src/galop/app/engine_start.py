"""The engine process, started before the server's own imports: both load at the same time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from galop.app.served_model import ServedModel
from galop.machine import available_cores
from galop.settings import Settings
from galop.worker.protocol import EngineConfig
from galop.worker.spawn import Spawned, spawn

ENGINE_COMMAND = (sys.executable, "-m", "galop.app.engine_process")


class EngineNotStartedError(Exception):
    """The process could not be created; the text is one line for a person."""


def engine_config(settings: Settings, model: ServedModel) -> EngineConfig:
    """What the engine needs to know. It cuts the context window to what the model was trained for."""
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


@contextmanager
def spawned_engine(settings: Settings, model: ServedModel) -> Iterator[Spawned]:
    """A process that loads the model; gone at the end, whatever happens between.

    Raises `EngineNotStartedError`.
    """
    try:
        spawned = spawn(ENGINE_COMMAND, engine_config(settings, model))
    except OSError as error:
        raise EngineNotStartedError(f"the engine process could not be started: {error}") from error
    try:
        yield spawned
    finally:
        spawned.discard()
