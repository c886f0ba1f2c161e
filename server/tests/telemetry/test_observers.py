"""What observers are told about completions, with a real engine on a scripted model."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from galop.chat.errors import ContextLengthExceededError
from galop.chat.events import CompletionEvent, ContentDelta
from galop.chat.request import ChatRequest
from galop.protocol.errors import EngineDiedError, QueueFullError
from galop.protocol.events import EngineStats
from galop.telemetry import Completion, CompletionObservers, EngineState, Metrics
from galop.telemetry.aliases import VLLM_NAMES
from galop.telemetry.metrics import reason_of
from galop.telemetry.prompt_log import PromptLog
from galop.telemetry.tracing import Tracing
from galop.testing import ScriptedModel
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


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Iterator[Tracing]:
    tracing = Tracing(spans, version="1")
    yield tracing
    tracing.shutdown()


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


async def test_a_whole_answer_is_measured_and_counted(metrics: Metrics) -> None:
    """Times once per request, tokens as they were billed, gaps once per token but the first."""
    async with LocalEngine(ScriptedModel("Hello")) as engine:
        engine.client.on_token_gap = metrics.token_gap
        async for _ in completed(engine, request(num_choices=2), metrics):
            pass
    registry = metrics.registry
    for name in (
        "time_to_first_token",
        "e2e_request_latency",
        "request_queue_time",
        "request_prefill_time",
        "request_decode_time",
    ):
        assert value(registry, f"galop_{name}_seconds_count") == 1, name
    assert value(registry, "galop_completion_tokens_total") == 12  # twice five letters and an end
    assert value(registry, "galop_choices_finished_total", finish_reason="stop") == 2
    assert value(registry, "galop_inter_token_latency_seconds_count") == 8
    assert value(registry, "galop_request_time_per_output_token_seconds_count") == 1
    assert value(registry, "galop_prompt_tokens_total") > 8


async def test_a_caller_who_leaves_is_counted_as_cancelled(metrics: Metrics) -> None:
    """And not among the answers."""
    async with (
        LocalEngine(ScriptedModel("Hello" * 50, step_time_s=0.002)) as engine,
        aclosing(completed(engine, request(num_choices=2), metrics)) as events,
    ):
        async for event in events:
            if isinstance(event, ContentDelta):
                break
    registry = metrics.registry
    assert value(registry, "galop_choices_finished_total", finish_reason="cancelled") == 2
    assert value(registry, "galop_time_to_first_token_seconds_count") == 1
    assert value(registry, "galop_e2e_request_latency_seconds_count") == 0


def test_the_engine_is_asked_at_every_scrape(metrics: Metrics) -> None:
    """Its figures are gauges and counters of the page."""
    registry = metrics.registry
    assert value(registry, "galop_choices_running") == 2
    assert value(registry, "galop_choices_waiting") == 3
    assert value(registry, "galop_kv_cache_usage_ratio") == 0.25
    assert value(registry, "galop_kv_cache_tokens", state="cached") == 50
    assert value(registry, "galop_engine_restarts_total") == 1
    assert value(registry, "galop_info", model="m", version="1") == 1


def test_refusals_are_counted_by_reason_and_failures_apart(metrics: Metrics) -> None:
    """A 500 is ours; everything else the caller can do something about."""
    metrics.refused(QueueFullError(num_waiting=1, limit=1, retry_after_s=1), 503)
    metrics.refused(EngineDiedError(exit_code=9), 500)
    assert value(metrics.registry, "galop_rejections_total", reason="queue_full") == 1
    assert value(metrics.registry, "galop_failures_total", reason="engine_died") == 1
    assert reason_of(ContextLengthExceededError.__name__) == "context_length"


async def test_every_figure_has_its_name_in_vllm(metrics: Metrics) -> None:
    """With vLLM's labels, and the same values."""
    async with LocalEngine(ScriptedModel("Hello")) as engine:
        async for _ in completed(engine, request(), metrics):
            pass
    families = {family.name: family for family in metrics.registry.collect()}
    for name, aliases in VLLM_NAMES.items():
        for alias in aliases:
            ours, theirs = families[name].samples, families[alias].samples
            assert [sample.value for sample in theirs] == [sample.value for sample in ours]
            for sample in theirs:
                assert sample.labels["model_name"] == "m"
    labels = {"finished_reason": "stop", "model_name": "m", "engine": "0"}
    assert value(metrics.registry, "vllm:request_success_total", **labels) == 1


def test_the_dashboard_of_vllm_finds_its_metrics(metrics: Metrics) -> None:
    """The names in the queries of examples/online_serving/prometheus_grafana of its repository."""
    served = {family.name for family in metrics.registry.collect()}
    for name in (
        "e2e_request_latency_seconds",
        "prompt_tokens",
        "generation_tokens",
        "time_per_output_token_seconds",
        "inter_token_latency_seconds",
        "num_requests_running",
        "num_requests_waiting",
        "time_to_first_token_seconds",
        "gpu_cache_usage_perc",
        "kv_cache_usage_perc",
        "request_prompt_tokens",
        "request_generation_tokens",
        "request_success",
        "request_queue_time_seconds",
        "request_prefill_time_seconds",
        "request_decode_time_seconds",
        "request_max_num_generation_tokens",
        "prefix_cache_hits",
        "prefix_cache_queries",
    ):
        assert f"vllm:{name}" in served, name


def test_the_page_is_what_the_scraper_accepts(metrics: Metrics) -> None:
    """Prometheus' own text format, or OpenMetrics where it is asked for."""
    plain, plain_type = metrics.page("")
    open_metrics, open_type = metrics.page("application/openmetrics-text; version=1.0.0")
    assert plain_type.startswith("text/plain")
    assert open_type.startswith("application/openmetrics-text")
    assert open_metrics.endswith(b"# EOF\n")
    assert b"_created" not in plain


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


async def test_the_trace_of_the_caller_goes_on(
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


async def test_prompts_are_logged_where_that_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    """With what was answered, under the request id."""
    caplog.set_level(logging.INFO, logger="galop")
    async with LocalEngine(ScriptedModel("Hello")) as engine:
        async for _ in completed(engine, request(), PromptLog(), keeps_texts=True):
            pass
    [record] = [record for record in caplog.records if record.name == "galop.prompts"]
    assert vars(record)["request_id"] == "req_1"
    assert vars(record)["answers"] == ["Hello"]
    assert vars(record)["messages"] == [{"role": "user", "content": "a secret"}]


async def test_an_error_reaches_the_caller_and_the_observers(metrics: Metrics) -> None:
    """Nothing is swallowed on the way, and nothing is counted twice."""
    seen: list[Completion] = []

    class Notebook:
        def started(self, completion: Completion) -> None:
            raise AssertionError("it has no first token")

        def ended(self, completion: Completion) -> None:
            seen.append(completion)

    async with LocalEngine(ScriptedModel()) as engine:
        long = request(messages=({"role": "user", "content": "x" * 600},))
        with pytest.raises(ContextLengthExceededError):
            await anext(completed(engine, long, metrics, Notebook()))
    [completion] = seen
    assert isinstance(completion.error, ContextLengthExceededError)
    assert value(metrics.registry, "galop_time_to_first_token_seconds_count") == 0
