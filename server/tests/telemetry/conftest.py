"""A completion of a scripted model, observed as the server does it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from prometheus_client import CollectorRegistry

from galop.chat.events import CompletionEvent
from galop.chat.request import ChatRequest
from galop.protocol.events import EngineStats
from galop.telemetry import CompletionObservers, EngineState, Metrics
from galop.workers.local import LocalEngine
from server.tests.chat.conftest import chat_service

STATE = EngineState(
    stats=EngineStats(
        num_running=2, num_waiting=3, num_running_kv_tokens=100, num_cached_kv_tokens=50
    ),
    is_ready=True,
    kv_capacity_tokens=400,
    num_restarts=1,
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(lambda: STATE, model_name="m", version="1")


def request(**options: object) -> ChatRequest:
    values: dict[str, object] = {"messages": ({"role": "user", "content": "a secret"},)}
    return ChatRequest(request_id="req_1", model="m", **(values | options))  # type: ignore[arg-type]  # a test's shorthand


async def completed(
    engine: LocalEngine, asked: ChatRequest, *observers: object, keeps_texts: bool = False
) -> AsyncGenerator[CompletionEvent, None]:
    """The events of a completion that observers watch, as the server does it."""
    watching = CompletionObservers(observers, keeps_texts=keeps_texts)  # type: ignore[arg-type]  # each implements CompletionObserver
    with watching.completion(asked) as watch:
        service = chat_service(engine, context_window=512, name="m")
        async with aclosing(service.complete(asked)) as events:
            async for event in events:
                watch.take(event)
                yield event


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    found = registry.get_sample_value(name, labels)
    assert found is not None, name
    return found
