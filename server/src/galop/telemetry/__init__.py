"""What an operator sees of completions: metrics, traces, and the log of prompts if asked for.

`ObservedChatService` watches completions go by and tells observers: `Metrics`, `Tracing`, `PromptLog`.
Knows chat's events; knows no HTTP and no engine but its figures.
"""

from galop.telemetry.completions import Completion, CompletionObserver, ObservedChatService
from galop.telemetry.metrics import EngineFigures, Metrics

__all__ = ["Completion", "CompletionObserver", "EngineFigures", "Metrics", "ObservedChatService"]
