"""What an operator sees of completions: metrics, traces, and the log of prompts if asked for.

`Telemetry` is told of requests by `http`, and tells `Metrics`, `Tracing` and `PromptLog`. Knows the events of
`chat`; knows no HTTP, and of engines their statistics alone.
"""

from galop.telemetry.completions import Completion, CompletionObserver, CompletionObservers
from galop.telemetry.metrics import EngineState, Metrics
from galop.telemetry.setup import Telemetry

__all__ = [
    "Completion",
    "CompletionObserver",
    "CompletionObservers",
    "EngineState",
    "Metrics",
    "Telemetry",
]
