"""OpenTelemetry traces: a span per completion, and in it admission, queue, prefill and decode.

The span continues the W3C trace context of the caller. The spans of the phases are written at the end
of the completion from times that are measured without traces too, so a token costs nothing. Attributes
follow the semantic conventions for HTTP servers and for generative AI
(opentelemetry.io/docs/specs/semconv/gen-ai) and hold neither prompts nor answers. Needs the extra
`galop[otel]`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from galop.telemetry.completions import CompletionRecord

_EXPORT_TIMEOUT_S = 5
"""Also bounds how long a collector that does not answer delays the end of the server."""

Scope = MutableMapping[str, Any]  # Any, here and below: ASGI's types
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


_current: ContextVar[Span | None] = ContextVar("galop_span", default=None)
"""The span of the request of the current task."""


def add_trace_id(record: logging.LogRecord) -> bool:
    """Filter of a logging handler that adds the trace id to records of a traced request; always True."""
    span = _current.get()
    if span is not None:
        record.trace_id = format_trace_id(span.get_span_context().trace_id)
    return True


def otlp_exporter(endpoint: str) -> SpanExporter:
    """An exporter to a collector. `endpoint`: base URL, as in OTEL_EXPORTER_OTLP_ENDPOINT."""
    url = endpoint.rstrip("/")
    if not url.endswith("/v1/traces"):
        url += "/v1/traces"
    return OTLPSpanExporter(endpoint=url, timeout=_EXPORT_TIMEOUT_S)


class Tracing:
    """Starts a span per request as ASGI middleware, completes it as `CompletionObserver`.

    Sampling and resource attributes come from the standard variables (OTEL_TRACES_SAMPLER,
    OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME).
    """

    def __init__(self, exporter: SpanExporter, *, version: str) -> None:
        ours = Resource.create({"service.name": "galop", "service.version": version})
        resource = ours.merge(OTELResourceDetector().detect())  # the environment overrides
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, export_timeout_millis=_EXPORT_TIMEOUT_S * 1000)
        )
        self._tracer = self._provider.get_tracer("galop", version)
        self._propagator = TraceContextTextMapPropagator()

    def shutdown(self) -> None:
        """Sends the remaining spans. Blocks for at most some seconds if the collector does not answer."""
        self._provider.shutdown()

    def around(self, application: Application) -> Application:
        """`application`, with a span around each completion request."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].endswith("/chat/completions"):
                await application(scope, receive, send)
                return
            span = self._start(scope)
            token = _current.set(span)

            async def watched_send(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            try:
                await application(scope, receive, watched_send)
            finally:
                _current.reset(token)
                span.end()

        return traced

    def started(self, completion: CompletionRecord) -> None:
        """See `CompletionObserver`."""

    def ended(self, completion: CompletionRecord) -> None:
        """See `CompletionObserver`."""
        span = _current.get()
        if span is None or not span.is_recording():
            return
        span.update_name(f"chat {completion.request.model}")
        for name, value in _attributes(completion).items():
            span.set_attribute(name, value)
        if completion.error is not None:
            span.set_status(StatusCode.ERROR)
        context = set_span_in_context(span)
        for name, start_ns, end_ns in _phases(completion):
            child = self._tracer.start_span(name, context, start_time=start_ns)
            child.end(end_ns)

    def _start(self, scope: Scope) -> Span:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        return self._tracer.start_span(
            "chat",
            self._propagator.extract(headers),
            SpanKind.SERVER,
            {
                "http.request.method": scope["method"],
                "url.path": scope["path"],
                "url.scheme": scope.get("scheme", "http"),
            },
        )


def _phases(completion: CompletionRecord) -> list[tuple[str, int, int]]:
    """Name, start and end (nanoseconds since 1970) of each phase that the completion reached."""

    def at(seconds: float) -> int:
        return completion.arrived_unix_ns + int((seconds - completion.arrived_s) * 1e9)

    end_ns = at(completion.ended_s)
    if completion.started is None:
        return [("admission", completion.arrived_unix_ns, end_ns)]
    first_token_ns = at(completion.started_s)
    prefill_ns = at(completion.started_s - completion.started.prompt_time_s)
    queue_ns = prefill_ns - int(completion.started.queue_time_s * 1e9)
    queue_ns = max(queue_ns, completion.arrived_unix_ns)
    return [
        ("admission", completion.arrived_unix_ns, queue_ns),
        ("queue", queue_ns, max(prefill_ns, queue_ns)),
        ("prefill", max(prefill_ns, queue_ns), first_token_ns),
        ("decode", first_token_ns, end_ns),
    ]


def _attributes(completion: CompletionRecord) -> dict[str, Any]:  # Any: OpenTelemetry's value types
    request = completion.request
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "galop",
        "gen_ai.request.model": request.model,
        "gen_ai.request.temperature": request.temperature,
        "gen_ai.request.top_p": request.top_p,
        "gen_ai.request.seed": str(request.seed),  # up to 64 bits: more than an int attribute has
        "gen_ai.request.frequency_penalty": request.frequency_penalty,
        "gen_ai.request.presence_penalty": request.presence_penalty,
        "galop.request_id": request.request_id,
    }
    if request.max_tokens is not None:
        attributes["gen_ai.request.max_tokens"] = request.max_tokens
    if request.num_choices != 1:
        attributes["gen_ai.request.choice.count"] = request.num_choices
    if completion.finish_reasons:
        attributes["gen_ai.response.finish_reasons"] = completion.finish_reasons
    if completion.usage is not None:
        attributes["gen_ai.usage.input_tokens"] = completion.usage.prompt_tokens
        attributes["gen_ai.usage.output_tokens"] = completion.usage.completion_tokens
        attributes["gen_ai.usage.cache_read.input_tokens"] = completion.usage.cached_tokens
    if completion.error is not None:
        attributes["error.type"] = type(completion.error).__name__
    elif completion.is_cancelled:
        attributes["error.type"] = "cancelled"
    return attributes
