"""Spans of a completion request, kept in memory instead of exported."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from galop.telemetry.tracing import Tracing
from galop.testing import ScriptedModel
from galop.workers.local import LocalEngine
from server.tests.telemetry.conftest import completed, request


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Iterator[Tracing]:
    tracing = Tracing(spans, version="1")
    yield tracing
    tracing.shutdown()


async def traced_call(tracing: Tracing, engine: LocalEngine, headers: dict[str, str]) -> None:
    """One completion inside the middleware, as the server does it."""

    async def application(scope: object, receive: object, send: object) -> None:
        async for _ in completed(engine, request(max_tokens=4), tracing):
            pass
        await send({"type": "http.response.start", "status": 200})  # type: ignore[operator]  # ASGI

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/chat/completions",
        "headers": [(key.encode(), text.encode()) for key, text in headers.items()],
    }
    await tracing.around(application)(scope, nothing, nothing)  # type: ignore[arg-type]  # ASGI


async def test_a_completion_is_a_trace_with_its_phases(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    """Admission, queue, prefill and decode follow each other inside the request's span."""
    async with LocalEngine(ScriptedModel("Hello", step_time_s=0.001)) as engine:
        await traced_call(tracing, engine, {})
    tracing.shutdown()
    by_name = {span.name: span for span in spans.get_finished_spans()}
    assert set(by_name) == {"chat m", "admission", "queue", "prefill", "decode"}
    root = by_name["chat m"]
    attributes = dict(root.attributes or {})
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.usage.output_tokens"] == 4
    assert attributes["gen_ai.response.finish_reasons"] == ("length",)
    assert attributes["http.response.status_code"] == 200
    phases = [by_name[name] for name in ("admission", "queue", "prefill", "decode")]
    for phase, following in zip(phases, phases[1:], strict=False):
        assert phase.parent == root.context
        assert phase.start_time <= phase.end_time == following.start_time  # type: ignore[operator]  # both are set
    assert "secret" not in json.dumps([span.to_json() for span in by_name.values()])


async def test_the_span_continues_the_trace_of_the_caller(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    """W3C Trace Context: the same trace id, and the caller's span as parent."""
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    async with LocalEngine(ScriptedModel("Hello")) as engine:
        await traced_call(tracing, engine, headers)
    tracing.shutdown()
    finished = spans.get_finished_spans()
    root = next(span for span in finished if span.name == "chat m")
    assert root.parent is not None
    assert root.parent.span_id == 0xB7AD6B7169203331
    assert {span.context.trace_id for span in finished} == {0x0AF7651916CD43DD8448EB211C80319C}


async def test_an_unsampled_trace_is_not_written(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    """The caller decided that, and it holds for all of the trace."""
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
    async with LocalEngine(ScriptedModel("Hello")) as engine:
        await traced_call(tracing, engine, headers)
    tracing.shutdown()
    assert spans.get_finished_spans() == ()
