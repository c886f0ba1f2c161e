"""Observes completions: metrics, and optionally traces and a log of prompts.

`http` calls `Telemetry`, which calls `Metrics`, `Tracing` and `PromptLog`. Knows the events of `chat` and
the statistics of engines; knows no wire types.
"""

from galop.telemetry.completions import CompletionObserver, CompletionObservers, CompletionRecord
from galop.telemetry.metrics import EngineState, Metrics
from galop.telemetry.setup import Telemetry

__all__ = [
    "CompletionRecord",
    "CompletionObserver",
    "CompletionObservers",
    "EngineState",
    "Metrics",
    "Telemetry",
]
