"""What is counted and measured, for Prometheus.

Everything is written on the event loop's thread. Per token there is one observation of a histogram
(about 1 us; `python -m bench.telemetry_cost` measures it); everything else happens per request or per
scrape. Names follow prometheus.io/docs/practices/naming; the same figures
come under vLLM's names as well, see `galop.telemetry.aliases`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from galop.protocol.events import EngineStats
from galop.telemetry.aliases import vllm_families
from galop.telemetry.completions import Completion

_REQUEST_SECONDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    *(2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0),
)
_GAP_SECONDS = (
    *(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08),
    *(0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_NUM_TOKENS = tuple(2**exponent for exponent in range(18))


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    """An engine as of its last step. Its counters begin again when it is restarted."""

    stats: EngineStats = EngineStats()
    is_ready: bool = False
    num_kv_token_places: int = 1
    """Tokens that fit into the KV cache."""
    num_restarts: int = 0
    process_id: int | None = None
    """None while there is no engine process."""


class Metrics:
    """A registry of its own, so that several servers can live in one process."""

    def __init__(
        self, engine_state: Callable[[], EngineState], *, model_name: str, version: str
    ) -> None:
        self._counted = CollectorRegistry()
        self._time_to_first_token = self._histogram(
            "galop_time_to_first_token_seconds",
            "From the request's arrival to its first token.",
        )
        self._inter_token_latency = self._histogram(
            "galop_inter_token_latency_seconds",
            "Between one step's tokens of a choice and the next step's.",
            _GAP_SECONDS,
        )
        self._e2e_latency = self._histogram(
            "galop_e2e_request_latency_seconds",
            "From the request's arrival to the end of its answer.",
        )
        self._queue_time = self._histogram(
            "galop_request_queue_time_seconds", "From the engine's queue to a place in the batch."
        )
        self._prefill_time = self._histogram(
            "galop_request_prefill_time_seconds", "From a place in the batch to the first token."
        )
        self._decode_time = self._histogram(
            "galop_request_decode_time_seconds", "From the first token to the last."
        )
        self._inference_time = self._histogram(
            "galop_request_inference_time_seconds", "Prefill and decode together."
        )
        self._time_per_output_token = self._histogram(
            "galop_request_time_per_output_token_seconds",
            "Per request: decode time by the tokens of a choice after its first.",
            _GAP_SECONDS,
        )
        self._request_prompt_tokens = self._histogram(
            "galop_request_prompt_tokens", "Prompt tokens per request.", _NUM_TOKENS
        )
        self._request_completion_tokens = self._histogram(
            "galop_request_completion_tokens",
            "Completion tokens per request, all choices.",
            _NUM_TOKENS,
        )
        self._prompt_tokens = self._counter(
            "galop_prompt_tokens_total", "Prompt tokens of answered requests."
        )
        self._completion_tokens = self._counter(
            "galop_completion_tokens_total", "Completion tokens of answered requests."
        )
        self._cached_tokens = self._counter(
            "galop_prefix_cache_hit_tokens_total", "Prompt tokens that were found in the cache."
        )
        self._finished = self._counter(
            "galop_choices_finished_total",
            "Choices by how they ended: stop, length, tool_calls, cancelled (the client left).",
            "finish_reason",
        )
        self._rejections = self._counter(
            "galop_rejections_total", "Requests refused before any work, by reason.", "reason"
        )
        self._failures = self._counter(
            "galop_failures_total", "Requests that were begun and could not be finished.", "reason"
        )
        self._responses = self._counter(
            "galop_http_responses_total", "HTTP responses of every path, by status.", "status"
        )
        self._counted.register(_EngineCollector(engine_state, model_name, version))
        ProcessCollector(registry=self._counted)
        # Without an engine process there is nothing to say about it, and pid 0 has no /proc.
        ProcessCollector(
            namespace="galop_engine",
            pid=lambda: engine_state().process_id or 0,
            registry=self._counted,
        )
        self.registry = CollectorRegistry()
        """All of it, under our names and vLLM's."""
        self.registry.register(_WithAliases(self._counted, model_name))

    def token_gap(self, seconds: float) -> None:
        """The time between two steps' tokens of one choice."""
        self._inter_token_latency.observe(seconds)

    def started(self, completion: Completion) -> None:
        """See `CompletionObserver`."""
        assert completion.started is not None
        self._time_to_first_token.observe(completion.started_s - completion.arrived_s)
        self._queue_time.observe(completion.started.queue_time_s)
        self._prefill_time.observe(completion.started.prompt_time_s)

    def ended(self, completion: Completion) -> None:
        """See `CompletionObserver`."""
        for reason in completion.finish_reasons:
            self._finished.labels(reason).inc()
        if completion.is_cancelled:
            unfinished = completion.request.num_choices - len(completion.finish_reasons)
            self._finished.labels("cancelled").inc(unfinished)
        usage = completion.usage
        if usage is None:
            return
        self._e2e_latency.observe(completion.ended_s - completion.arrived_s)
        self._decode_time.observe(usage.completion_time_s)
        self._inference_time.observe(usage.prompt_time_s + usage.completion_time_s)
        tokens_per_choice = usage.completion_tokens / completion.request.num_choices
        if tokens_per_choice > 1:
            self._time_per_output_token.observe(usage.completion_time_s / (tokens_per_choice - 1))
        self._request_prompt_tokens.observe(usage.prompt_tokens)
        self._request_completion_tokens.observe(usage.completion_tokens)
        self._prompt_tokens.inc(usage.prompt_tokens)
        self._completion_tokens.inc(usage.completion_tokens)
        self._cached_tokens.inc(usage.cached_tokens)

    def responded(self, status: int) -> None:
        """A response has begun."""
        self._responses.labels(str(status)).inc()

    def refused(self, error: Exception, status: int) -> None:
        """A request ended in an error: a 500 is a failure, everything else a rejection."""
        counter = self._failures if status == 500 else self._rejections
        counter.labels(reason_of(type(error).__name__)).inc()

    def page(self, accept: str) -> tuple[bytes, str]:
        """The page for a scraper that accepts these media types, and its own media type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...] = _REQUEST_SECONDS
    ) -> Histogram:
        return Histogram(name, text, buckets=buckets, registry=self._counted)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self._counted)


@functools.cache
def reason_of(error_name: str) -> str:
    """An error's type as a label: QueueFullError is queue_full."""
    name = error_name.removesuffix("Error").removesuffix("Exceeded")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class _WithAliases(Collector):
    """Everything in a registry, then the same in vLLM's words."""

    def __init__(self, counted: CollectorRegistry, model_name: str) -> None:
        self._counted = counted
        self._model_name = model_name

    def collect(self) -> Iterable[Metric]:
        families = list(self._counted.collect())
        for family in families:  # `_created` samples double the size of the page
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
        yield from families
        yield from vllm_families(families, model_name=self._model_name)


class _EngineCollector(Collector):
    """Asks the engine when Prometheus asks us."""

    def __init__(self, state: Callable[[], EngineState], model_name: str, version: str) -> None:
        self._state = state
        self._model_name = model_name
        self._version = version

    def collect(self) -> Iterable[Metric]:
        state = self._state()
        stats = state.stats
        facts = GaugeMetricFamily(
            "galop_info", "Always 1: what runs here.", labels=["model", "version"]
        )
        facts.add_metric([self._model_name, self._version], 1)
        yield facts
        yield GaugeMetricFamily(
            "galop_engine_ready", "1 while the engine takes requests.", state.is_ready
        )
        yield GaugeMetricFamily("galop_choices_running", "Choices in the batch.", stats.num_running)
        yield GaugeMetricFamily(
            "galop_choices_waiting", "Choices that wait for a place in it.", stats.num_waiting
        )
        tokens = GaugeMetricFamily(
            "galop_kv_cache_tokens",
            "Tokens in the KV cache: of running choices, or kept for prompts that begin alike.",
            labels=["state"],
        )
        tokens.add_metric(["running"], stats.num_running_kv_tokens)
        tokens.add_metric(["cached"], stats.num_cached_kv_tokens)
        yield tokens
        yield GaugeMetricFamily(
            "galop_kv_cache_usage_ratio",
            "The part of the KV cache that running choices fill, 0 to 1.",
            stats.num_running_kv_tokens / state.num_kv_token_places,
        )
        yield CounterMetricFamily(
            "galop_draft_tokens", "Draft tokens that were proposed.", stats.num_draft_tokens
        )
        yield CounterMetricFamily(
            "galop_draft_accepted_tokens",
            "Draft tokens that the model would have chosen itself.",
            stats.num_accepted_tokens,
        )
        yield CounterMetricFamily(
            "galop_engine_restarts", "How often the engine process died.", state.num_restarts
        )
