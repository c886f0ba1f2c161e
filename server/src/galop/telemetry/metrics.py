"""Prometheus metrics of completions, HTTP responses and the engine.

All are written on the event loop's thread. A token costs one observation of a histogram, about 1 us
(`python -m bench.telemetry_cost` measures it); the rest is per request or per scrape. Names follow
prometheus.io/docs/practices/naming. Most are also served under vLLM's names: see
`galop.telemetry.aliases`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from galop.chat.events import Usage
from galop.protocol.events import EngineStats
from galop.telemetry.aliases import vllm_families
from galop.telemetry.completions import CompletionRecord

_REQUEST_SECONDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    *(2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0),
)
_GAP_SECONDS = (
    *(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08),
    *(0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_NUM_TOKENS = tuple(2**exponent for exponent in range(18))


_HISTOGRAMS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "galop_time_to_first_token_seconds": (
        "From the request's arrival to its first token.",
        _REQUEST_SECONDS,
    ),
    "galop_inter_token_latency_seconds": (
        "Between one step's tokens of a choice and the next step's.",
        _GAP_SECONDS,
    ),
    "galop_e2e_request_latency_seconds": (
        "From the request's arrival to the end of its answer.",
        _REQUEST_SECONDS,
    ),
    "galop_request_queue_time_seconds": (
        "From the engine's queue to a place in the batch.",
        _REQUEST_SECONDS,
    ),
    "galop_request_prefill_time_seconds": (
        "From a place in the batch to the first token.",
        _REQUEST_SECONDS,
    ),
    "galop_request_decode_time_seconds": ("From the first token to the last.", _REQUEST_SECONDS),
    "galop_request_inference_time_seconds": ("Prefill and decode together.", _REQUEST_SECONDS),
    "galop_request_time_per_output_token_seconds": (
        "Per request: decode time by the tokens of a choice after its first.",
        _GAP_SECONDS,
    ),
    "galop_request_prompt_tokens": ("Prompt tokens per request.", _NUM_TOKENS),
    "galop_request_completion_tokens": (
        "Completion tokens per request, all choices.",
        _NUM_TOKENS,
    ),
}
"""Name to description and upper bounds of the buckets."""

_COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "galop_prompt_tokens_total": ("Prompt tokens of answered requests.", ()),
    "galop_completion_tokens_total": ("Completion tokens of answered requests.", ()),
    "galop_prefix_cache_hit_tokens_total": ("Prompt tokens that were found in the cache.", ()),
    "galop_choices_finished_total": (
        "Choices by how they ended: stop, length, tool_calls, cancelled (the client left).",
        ("finish_reason",),
    ),
    "galop_rejections_total": ("Requests refused before any work, by reason.", ("reason",)),
    "galop_failures_total": (
        "Requests that were begun and could not be finished.",
        ("reason",),
    ),
    "galop_http_responses_total": ("HTTP responses of every path, by status.", ("status",)),
}
"""Name to description and names of labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    """State of an engine after its last step. Its counters start at 0 when the engine restarts."""

    stats: EngineStats = EngineStats()
    is_ready: bool = False
    """Whether the engine takes requests."""
    kv_capacity_tokens: int = 1
    """Tokens that fit into the KV cache; at least 1."""
    num_restarts: int = 0
    """Deaths of the engine process since the server started."""
    process_id: int | None = None
    """None while there is no engine process."""


class Metrics:
    """The metrics of one server, in registries of their own. Implements `CompletionObserver`.

    `engine_state` is called at every scrape.
    """

    def __init__(
        self, engine_state: Callable[[], EngineState], *, model_name: str, version: str
    ) -> None:
        own = CollectorRegistry()
        self._histograms = {
            name: Histogram(name, text, buckets=buckets, registry=own)
            for name, (text, buckets) in _HISTOGRAMS.items()
        }
        self._counters = {
            name: Counter(name, text, labels, registry=own)
            for name, (text, labels) in _COUNTERS.items()
        }
        self._inter_token_latency = self._histograms["galop_inter_token_latency_seconds"]
        own.register(_EngineCollector(engine_state, model_name, version))
        ProcessCollector(registry=own)
        # Process 0, which has no entry in /proc, yields no metrics.
        ProcessCollector(
            namespace="galop_engine",
            pid=lambda: engine_state().process_id or 0,
            registry=own,
        )
        self.registry = CollectorRegistry()
        """Every metric under our name, then those of `VLLM_NAMES` under vLLM's."""
        self.registry.register(_WithAliases(own, model_name))

    def token_gap(self, seconds: float) -> None:
        """Observes the time between two steps' tokens of one choice."""
        self._inter_token_latency.observe(seconds)

    def started(self, completion: CompletionRecord) -> None:
        """See `CompletionObserver`."""
        assert completion.started is not None
        self._observe_seconds("time_to_first_token", completion.started_s - completion.arrived_s)
        self._observe_seconds("request_queue_time", completion.started.queue_time_s)
        self._observe_seconds("request_prefill_time", completion.started.prompt_time_s)

    def ended(self, completion: CompletionRecord) -> None:
        """See `CompletionObserver`."""
        finished = self._counters["galop_choices_finished_total"]
        for reason in completion.finish_reasons:
            finished.labels(reason).inc()
        if completion.is_cancelled:
            num_unfinished = completion.request.num_choices - len(completion.finish_reasons)
            finished.labels("cancelled").inc(num_unfinished)
        if completion.usage is None:
            return
        self._observe_seconds("e2e_request_latency", completion.ended_s - completion.arrived_s)
        self._observe_usage(completion.usage, completion.request.num_choices)

    def _observe_usage(self, usage: Usage, num_choices: int) -> None:
        decode_s = usage.completion_time_s
        self._observe_seconds("request_decode_time", decode_s)
        self._observe_seconds("request_inference_time", usage.prompt_time_s + decode_s)
        tokens_per_choice = usage.completion_tokens / num_choices
        if tokens_per_choice > 1:
            seconds = decode_s / (tokens_per_choice - 1)
            self._observe_seconds("request_time_per_output_token", seconds)
        self._histograms["galop_request_prompt_tokens"].observe(usage.prompt_tokens)
        self._histograms["galop_request_completion_tokens"].observe(usage.completion_tokens)
        self._counters["galop_prompt_tokens_total"].inc(usage.prompt_tokens)
        self._counters["galop_completion_tokens_total"].inc(usage.completion_tokens)
        self._counters["galop_prefix_cache_hit_tokens_total"].inc(usage.cached_tokens)

    def _observe_seconds(self, name: str, seconds: float) -> None:
        self._histograms[f"galop_{name}_seconds"].observe(seconds)

    def responded(self, status: int) -> None:
        """Counts a response that has started."""
        self._counters["galop_http_responses_total"].labels(str(status)).inc()

    def refused(self, error: Exception, status: int) -> None:
        """Counts a failed request: as a failure with status 500, else as a rejection."""
        kind = "failures" if status == 500 else "rejections"
        reason = reason_of(type(error).__name__)
        self._counters[f"galop_{kind}_total"].labels(reason).inc()

    def page(self, accept: str) -> tuple[bytes, str]:
        """The metrics page and its media type. `accept`: the header of that name."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


@functools.cache
def reason_of(error_name: str) -> str:
    """Label of an error class: `queue_full` for `QueueFullError`."""
    name = error_name.removesuffix("Error").removesuffix("Exceeded")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class _WithAliases(Collector):
    """Collects another registry, then its metrics under vLLM's names. Drops `_created` samples."""

    def __init__(self, own: CollectorRegistry, model_name: str) -> None:
        self._own = own
        self._model_name = model_name

    def collect(self) -> Iterable[Metric]:
        families = list(self._own.collect())
        for family in families:  # `_created` samples double the size of the page
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
        yield from families
        yield from vllm_families(families, model_name=self._model_name)


class _EngineCollector(Collector):
    """Collects `EngineState` at every scrape."""

    def __init__(self, state: Callable[[], EngineState], model_name: str, version: str) -> None:
        self._state = state
        self._model_name = model_name
        self._version = version

    def collect(self) -> Iterable[Metric]:
        state = self._state()
        stats = state.stats
        info = GaugeMetricFamily(
            "galop_info", "Always 1: what runs here.", labels=["model", "version"]
        )
        info.add_metric([self._model_name, self._version], 1)
        kv_tokens = GaugeMetricFamily(
            "galop_kv_cache_tokens",
            "Tokens in the KV cache: of running choices, or kept for prompts that begin alike.",
            labels=["state"],
        )
        kv_tokens.add_metric(["running"], stats.num_running_kv_tokens)
        kv_tokens.add_metric(["cached"], stats.num_cached_kv_tokens)
        yield info
        for name, text, value in (
            ("galop_engine_ready", "1 while the engine takes requests.", state.is_ready),
            ("galop_choices_running", "Choices in the batch.", stats.num_running),
            ("galop_choices_waiting", "Choices that wait for a place in it.", stats.num_waiting),
        ):
            yield GaugeMetricFamily(name, text, value)
        yield kv_tokens
        yield GaugeMetricFamily(
            "galop_kv_cache_usage_ratio",
            "The part of the KV cache that running choices fill, 0 to 1.",
            stats.num_running_kv_tokens / state.kv_capacity_tokens,
        )
        for name, text, value in (
            ("galop_draft_tokens", "Draft tokens that were proposed.", stats.num_draft_tokens),
            (
                "galop_draft_accepted_tokens",
                "Draft tokens that the model would have chosen itself.",
                stats.num_accepted_tokens,
            ),
            ("galop_engine_restarts", "How often the engine process died.", state.num_restarts),
        ):
            yield CounterMetricFamily(name, text, value)
