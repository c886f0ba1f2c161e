"""Observers of completions."""

from __future__ import annotations

import pytest

from galop.chat.errors import ContextLengthExceededError
from galop.telemetry import CompletionRecord, Metrics
from galop.testing import ScriptedModel
from galop.workers.local import LocalEngine
from server.tests.telemetry.conftest import completed, request, value


async def test_an_error_reaches_the_caller_and_the_observers(metrics: Metrics) -> None:
    """Nothing is swallowed on the way, and nothing is counted twice."""
    seen: list[CompletionRecord] = []

    class Notebook:
        def started(self, completion: CompletionRecord) -> None:
            raise AssertionError("it has no first token")

        def ended(self, completion: CompletionRecord) -> None:
            seen.append(completion)

    async with LocalEngine(ScriptedModel()) as engine:
        long = request(messages=({"role": "user", "content": "x" * 600},))
        with pytest.raises(ContextLengthExceededError):
            await anext(completed(engine, long, metrics, Notebook()))
    [completion] = seen
    assert isinstance(completion.error, ContextLengthExceededError)
    assert value(metrics.registry, "galop_time_to_first_token_seconds_count") == 0
