"""Our metrics under vLLM's names."""

from __future__ import annotations

from galop.telemetry import Metrics
from galop.telemetry.aliases import VLLM_NAMES
from galop.testing import ScriptedModel
from galop.workers.local import LocalEngine
from server.tests.telemetry.conftest import completed, request, value


async def test_every_alias_has_the_values_of_its_metric(metrics: Metrics) -> None:
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
