"""Our metrics under vLLM's names and labels, so that dashboards made for vLLM work.

Source: vLLM's metrics documentation (V1 engine). The table in docs/operations.md lists where the
meanings differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client.metrics_core import Metric

VLLM_NAMES: Mapping[str, tuple[str, ...]] = {
    "galop_time_to_first_token_seconds": ("vllm:time_to_first_token_seconds",),
    "galop_inter_token_latency_seconds": (
        "vllm:inter_token_latency_seconds",
        "vllm:time_per_output_token_seconds",  # its older name, in many dashboards
    ),
    "galop_e2e_request_latency_seconds": ("vllm:e2e_request_latency_seconds",),
    "galop_request_queue_time_seconds": ("vllm:request_queue_time_seconds",),
    "galop_request_prefill_time_seconds": ("vllm:request_prefill_time_seconds",),
    "galop_request_decode_time_seconds": ("vllm:request_decode_time_seconds",),
    "galop_request_inference_time_seconds": ("vllm:request_inference_time_seconds",),
    "galop_request_time_per_output_token_seconds": ("vllm:request_time_per_output_token_seconds",),
    "galop_request_prompt_tokens": ("vllm:request_prompt_tokens",),
    "galop_request_completion_tokens": (
        "vllm:request_generation_tokens",
        "vllm:request_max_num_generation_tokens",
    ),
    "galop_choices_running": ("vllm:num_requests_running",),
    "galop_choices_waiting": ("vllm:num_requests_waiting",),
    "galop_kv_cache_usage_ratio": ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
    "galop_prompt_tokens": ("vllm:prompt_tokens", "vllm:prefix_cache_queries"),
    "galop_completion_tokens": ("vllm:generation_tokens",),
    "galop_prefix_cache_hit_tokens": ("vllm:prefix_cache_hits",),
    "galop_choices_finished": ("vllm:request_success",),
    "galop_draft_tokens": ("vllm:spec_decode_num_draft_tokens",),
    "galop_draft_accepted_tokens": ("vllm:spec_decode_num_accepted_tokens",),
    "galop_rejections": ("vllm:admission_rejections",),
}
"""Our name of a metric to vLLM's names; counters without `_total`."""

_LABELS = {"finish_reason": "finished_reason"}
_VALUES = {("finished_reason", "cancelled"): "abort"}


def vllm_families(families: Iterable[Metric], *, model_name: str) -> Iterable[Metric]:
    """Copies of `families` with vLLM's names and labels; those without such a name are left out."""
    added_labels = {"model_name": model_name, "engine": "0"}
    for family in families:
        for name in VLLM_NAMES.get(family.name, ()):
            renamed = Metric(name, family.documentation, family.type)
            renamed.samples = [
                sample._replace(
                    name=name + sample.name.removeprefix(family.name),
                    labels=_translated(sample.labels) | added_labels,
                )
                for sample in family.samples
            ]
            yield renamed


def _translated(labels: Mapping[str, str]) -> dict[str, str]:
    renamed = {_LABELS.get(key, key): value for key, value in labels.items()}
    return {key: _VALUES.get((key, value), value) for key, value in renamed.items()}
