"""Record what the published client makes of payloads and parameters written here.

Run with an interpreter that has the published `groq` installed (never together with ours):

    python -m sdk.tests.data.record_published > sdk/tests/data/published.json

`test_published.py` compares. Payloads follow the API reference; bad ones are mutations of good
ones. Deterministic: the same file each time.
"""

import asyncio
import copy
import json
import random
import sys
import warnings
from typing import Any

import httpx
from sdk.tests.data import operations

import groq
from groq._models import construct_type
from groq.types import CreateEmbeddingResponse, ModelListResponse
from groq.types.chat import ChatCompletion, ChatCompletionChunk

USAGE = {
    "queue_time": 0.01,
    "prompt_tokens": 20,
    "prompt_time": 0.02,
    "completion_tokens": 60,
    "completion_time": 1,
    "total_tokens": 80,
    "total_time": 0.32,
    "prompt_tokens_details": {"cached_tokens": 4},
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
LOGPROB = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1730000000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi \u00e9😀", "reasoning": "r"},
            "logprobs": {"content": [LOGPROB]},
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {"role": "assistant", "tool_calls": [CALL]},
            "logprobs": None,
            "finish_reason": "tool_calls",
        },
    ],
    "usage": USAGE,
    "usage_breakdown": None,
    "system_fingerprint": "fp_1",
    "x_groq": {"id": "req_1", "seed": 7},
    "service_tier": "on_demand",
}
CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1730000000,
    "model": "m",
    "system_fingerprint": "fp_1",
    "choices": [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": "x", "tool_calls": [{**CALL, "index": 0}]},
            "logprobs": None,
            "finish_reason": None,
        }
    ],
    "x_groq": {"id": "req_1", "usage": USAGE},
    "usage": USAGE,
}
MODELS = {
    "object": "list",
    "data": [
        {"id": "a/b", "object": "model", "created": 1, "owned_by": "x", "context_window": 8192}
    ],
}
EMBEDDINGS = {
    "object": "list",
    "model": "m",
    "data": [{"object": "embedding", "index": 0, "embedding": [1, 0.5]}],
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}
TYPES = {
    "ChatCompletion": (ChatCompletion, COMPLETION),
    "ChatCompletionChunk": (ChatCompletionChunk, CHUNK),
    "ModelListResponse": (ModelListResponse, MODELS),
    "CreateEmbeddingResponse": (CreateEmbeddingResponse, EMBEDDINGS),
}
ODD: list[Any] = [None, "7", 7, 1.5, True, [], {}, "odd", {"a": [1]}, [{"b": None}]]


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a payload."""
    found = [path] if path else []
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, child in items:
        found += places(child, (*path, key))
    return found


def mutated(payload: Any, rng: random.Random) -> Any:
    twin = copy.deepcopy(payload)
    for _ in range(rng.choice((1, 1, 2))):
        path = rng.choice(places(twin))
        parent = twin
        for key in path[:-1]:
            parent = parent[key]
        action = rng.choice(("delete", "odd", "odd", "extra"))
        if action == "delete" and isinstance(parent, dict):
            del parent[path[-1]]
        elif action == "extra" and isinstance(parent, dict):
            parent["brand_new"] = copy.deepcopy(rng.choice(ODD))
        else:
            parent[path[-1]] = copy.deepcopy(rng.choice(ODD))
    return twin


def answers(rng: random.Random) -> list[dict[str, Any]]:
    recorded = []
    for name, (type_, good) in TYPES.items():
        for number in range(60):
            payload = good if number == 0 else mutated(good, rng)
            built = construct_type(value=payload, type_=type_)
            recorded.append({"type": name, "payload": payload, "to_dict": built.to_dict()})
    return recorded


OPTIONS: dict[str, list[Any]] = {
    "temperature": [0, 0.5, None],
    "stop": ["\n", ["a", "b"], [], None],
    "max_tokens": [1, 1024, None],
    "seed": [7],
    "n": [1],
    "response_format": [{"type": "json_object"}, {"type": "text"}, None],
    "stream": [False, None],
    "tools": [[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]],
    "tool_choice": ["auto", {"type": "function", "function": {"name": "f"}}],
    "user": ["\u00e9\u2028</script>"],
    "logit_bias": [{"50256": -100}],
    "reasoning_effort": ["low", None],
    "metadata": [{"a": "b"}],
    "documents": [[{"source": {"type": "text", "text": "x"}, "id": None}]],
}
MESSAGES: list[Any] = [
    {"role": "system", "content": "Be kind. 😀"},
    {"role": "user", "content": [{"type": "text", "text": 'a"b\\c\n'}]},
    {"role": "user", "content": "x" * 50, "name": "bob"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "42"},
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]},
]


def requests(rng: random.Random) -> list[dict[str, Any]]:
    recorded: list[dict[str, Any]] = []
    sent: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request.content.decode())
        return httpx.Response(200, json=COMPLETION)

    client = groq.Groq(
        api_key="k", http_client=httpx.Client(transport=httpx.MockTransport(handler))
    )
    for _ in range(200):
        names = rng.sample(sorted(OPTIONS), rng.randrange(6))
        parameters = {name: rng.choice(OPTIONS[name]) for name in names}
        parameters["messages"] = rng.sample(MESSAGES, rng.randrange(1, 5))
        parameters["model"] = rng.choice(("m", "openai/gpt-oss-20b"))
        client.chat.completions.create(**parameters)
        recorded.append({"parameters": parameters, "body": sent[-1]})
    return recorded


def main() -> None:
    warnings.simplefilter("ignore")  # odd values make pydantic's serializer talk
    rng = random.Random(2024)
    recorded = {
        "version": groq.__version__,
        "answers": answers(rng),
        "requests": requests(rng),
        "operations": {
            "Groq": operations.run(),
            "AsyncGroq": asyncio.run(operations.run_async()),
        },
    }
    json.dump(recorded, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
