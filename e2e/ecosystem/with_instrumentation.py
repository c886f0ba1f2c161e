"""Tracing by opentelemetry-instrumentation-groq or openinference-instrumentation-groq.

Run as `python with_instrumentation.py opentelemetry|openinference`.
"""

import asyncio
import importlib
import json
import sys

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import groq

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
module = importlib.import_module(f"{sys.argv[1]}.instrumentation.groq")
instrumentor = module.GroqInstrumentor()
instrumentor.instrument(tracer_provider=provider)

REQUEST = {
    "model": "llama3-8b-8192",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "temperature": 0,
    "seed": 1,
    "max_tokens": 16,
}


def synchronous() -> list[str]:
    create = groq.Groq().chat.completions.create
    answer = create(**REQUEST).choices[0].message.content
    chunks = create(**REQUEST, stream=True)
    return [answer, "".join(chunk.choices[0].delta.content or "" for chunk in chunks)]


async def asynchronous() -> list[str]:
    create = groq.AsyncGroq().chat.completions.create
    answer = (await create(**REQUEST)).choices[0].message.content
    chunks = await create(**REQUEST, stream=True)
    return [answer, "".join([c.choices[0].delta.content or "" async for c in chunks])]


answers = synchronous() + asyncio.run(asynchronous())
instrumentor.uninstrument()
groq.Groq().chat.completions.create(**REQUEST)
spans = exporter.get_finished_spans()
print(
    json.dumps(
        {
            "answers": answers,
            "num_spans": len(spans),
            "token_counts": [
                max(
                    [value for key, value in span.attributes.items() if "total" in key.lower()],
                    default=None,
                )
                for span in spans
            ],
            "models": [
                value
                for span in spans
                for key, value in span.attributes.items()
                if key in ("gen_ai.request.model", "llm.model_name")
            ],
        }
    )
)
