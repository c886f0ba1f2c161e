"""What the metrics count and measure, with a real engine on a scripted model."""

from __future__ import annotations

from contextlib import aclosing

from galop.chat.errors import ContextLengthExceededError
from galop.chat.events import ContentDelta
from galop.protocol.errors import EngineDiedError, QueueFullError
from galop.telemetry import Metrics
from galop.telemetry.metrics import reason_of
from galop.testing import ScriptedModel
from galop.workers.local import LocalEngine
from server.tests.telemetry.conftest import completed, request, value


async def test_a_whole_answer_is_measured_and_counted(metrics: Metrics) -> None:
    """Times once per request, tokens as usage counts them, gaps once per token but the first."""
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


async def test_a_disconnect_is_counted_as_cancelled(metrics: Metrics) -> None:
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
    """Its statistics are gauges and counters of the page."""
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


def test_the_page_is_what_the_scraper_accepts(metrics: Metrics) -> None:
    """Prometheus' own text format, or OpenMetrics where it is asked for."""
    plain, plain_type = metrics.page("")
    open_metrics, open_type = metrics.page("application/openmetrics-text; version=1.0.0")
    assert plain_type.startswith("text/plain")
    assert open_type.startswith("application/openmetrics-text")
    assert open_metrics.endswith(b"# EOF\n")
    assert b"_created" not in plain
