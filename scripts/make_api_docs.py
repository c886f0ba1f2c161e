"""Makes docs/api.md: tables made from the wire types and the error table, words kept here.

Run `make docs` after changing `galop.http.schema` or `galop.http.errors`; a
test compares the committed page with what this makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from msgspec import Meta

from galop.chat.errors import JsonValidateFailedError
from galop.chat.events import ChoiceFinished, CompletionEvent, ContentDelta, Started, Usage
from galop.http.compat import PARAMETERS_2024
from galop.http.encode import AnswerHead, Fold
from galop.http.errors import ERROR_TABLE, UNEXPECTED, Problem, describe
from galop.http.limits import RequestLimits
from galop.http.openapi import wire_schemas
from galop.http.schema import (
    MAX_LOGIT_BIAS,
    MAX_MESSAGES,
    MAX_STOP_LENGTH,
    AssistantMessage,
    ChatCompletionRequest,
    Effect,
    ErrorResponse,
)
from galop.http.sse import ChunkEncoder, error_event

PAGE = Path(__file__).parent.parent / "docs" / "api.md"

HEAD = AnswerHead(
    completion_id="chatcmpl-6f1cbe1c-9a52-4f3c-8b0e-3c1c6f5d2a77",
    request_id="req_01jd3q2v5xk8m9n0p1r2s3t4v5",
    created=1732300000,
    model="llama3-8b-8192",
    system_fingerprint="fp_0a1b2c3d4e",
    num_choices=1,
    seed=7,
    service_tier="on_demand",
)
EVENTS: list[CompletionEvent] = [
    Started(),
    ContentDelta(0, "Hello"),
    ContentDelta(0, "!"),
    ChoiceFinished(0, "stop"),
    Usage(
        queue_time_s=0.001,
        prompt_tokens=31,
        prompt_time_s=0.021,
        completion_tokens=3,
        completion_time_s=0.019,
        cached_tokens=24,
    ),
]

TEMPLATE = """\
<!-- Made by scripts/make_api_docs.py: change that, or the types it reads, not this page. -->

# The API

A chat completion turns a list of messages into the next one. The API is the Chat Completions API of
Groq of 2024, with later fields that today's clients use. `/openapi.json` serves it as an OpenAPI
document.

```sh
curl http://127.0.0.1:8000/openai/v1/chat/completions \\
  -H 'content-type: application/json' \\
  -d '{"model": "llama3-8b-8192", "messages": [{"role": "user", "content": "Say hello."}]}'
```

| method and path | what it is |
|---|---|
| `POST /openai/v1/chat/completions` | completes a conversation |
| `GET /openai/v1/models` | every model and alias; an alias names its model in `alias_of` |
| `GET /openai/v1/models/{id}` | one of them; a slash in the id may be written as it is or as `%2F` |
| `GET /healthz` | 200 while the process lives, whatever the state of the engine |
| `GET /readyz` | 200 if requests are answered now, otherwise 503 and the reason |
| `GET /metrics` | metrics for Prometheus, see [operations](operations.md) |
| `GET /openapi.json` | this API as an OpenAPI 3.1 document |

Everything under `/openai/v1` is also served under `/v1`.

## Request

The body is one JSON object in UTF-8. Its content type is `application/json` or absent. Keys that are
not listed here are refused; the error message suggests a similar key if there is one. For optional
parameters `null` means the same as absent. Of duplicate keys the last one counts.

### Parameters that are honoured

{honoured}

### Parameters that are accepted without effect

Clients send them by default.

{meaningless}

### Parameters that are refused

These are not implemented. The answer is a 400 that names the parameter.

{refused}

### Messages

| role | `content` | |
|---|---|---|
| `system`, `developer` | string, or array of text parts | two names of the same role |
| `user` | string, or array of text parts | |
| `assistant` | string, array of text parts, or null | absent only beside calls, `reasoning` or `refusal` |
| `tool` | string, or array of text parts | `tool_call_id` is the id of a call in an earlier message |
| `function` | string or null | the older form, after a `function_call`; `name` is the function |

A text part is `{"type": "text", "text": "..."}`; the parts of a message are joined by newlines.
Every message may have a `name`, which is passed to the model's chat template. Other parts (images,
audio, documents) are refused by name.

Clients append whole messages that they received to the conversation. So these keys of assistant
messages are accepted and ignored: {echoed}. `audio` must be null. Calls are part of the prompt:
[Tools](tools.md) shows such a conversation.

### Limits

| what | limit | answer beyond it |
|---|---|---|
| bytes of the body | {max_body_bytes} by default | 413 |
| nesting of arrays and objects | {max_nesting_depth} levels | 400 |
| arrays and objects in one body | {max_containers} | 400 |
| messages | {max_messages} | 400 |
| characters of one stop sequence | {max_stop_length} | 400 |
| entries of `logit_bias` | {max_logit_bias} | 400 |

## Answer

```json
{answer}
```

* `finish_reason` is `stop` (the model ended, or a stop sequence came), `length` (the token limit),
  or `tool_calls`; with `functions` instead of `tools` that is `function_call`.
* If functions are called, `message.tool_calls` has the complete calls, and `content` is null unless
  there is text as well: see [Tools](tools.md).
* The reasoning of a model is in `message.reasoning`, unless `reasoning_format` changes that.
  `usage.completion_tokens_details.reasoning_tokens` counts its tokens.
* `usage` holds counts of tokens, and times in seconds. `completion_tokens` includes the token that ends the
  answer. `total_time` is `prompt_time` + `completion_time`; time in the queue is not part of it.
  `prompt_tokens_details` is present if tokens of the prompt were in the cache.
* `x_groq.id` is the request id, which is also in the header `x-request-id` of every response, errors
  included. `x_groq.seed` is the seed that was used: the same request with it gives the same answer.
* With `logprobs: true` each choice has `logprobs.content`: for every token its text, its bytes, and
  its log probability in the model's own distribution, before temperature, penalties and bias. Tokens
  of calls and of reasoning are included. In JSON mode `constrained_logprob` is the log probability
  among the tokens that the document allows.

## Streaming

With `stream: true` the answer is a stream of server-sent events: a line `data: ` with a chunk, then an
empty line. The first chunk of a choice has the role, the last one `finish_reason` and an empty
`delta`. One chunk has a complete call, numbered by `index`. Reasoning is in `delta.reasoning`. `content`
of the first chunk is null if a call is required or comes first. The last chunk has the usage, in
`usage` and in `x_groq.usage`. With `stream_options.include_usage` one more chunk follows, without
choices.

```
{stream}
```

An error before the first token has an ordinary status and error body. A later error is sent as an event
with the name `error`, after which the stream ends without `[DONE]`:

```
{error_event}
```

## Errors

All errors have the same form. Keys that do not apply are absent.

```json
{error}
```

`type` is `tokens` or `requests` for a rate limit, `invalid_request_error` for any other status below
500, and `internal_server_error` from 500 on. `param` is the dotted path of the wrong field.

| status | `code` | when |
|---|---|---|
{errors}

## The profile `groq-2024`

`galop serve --compat groq-2024` is for tests of programs that were written for the API of 2024. It has
the limits of that API:

* JSON mode with `stream: true`, with `stop` or with tools is a 400.
* `n` must be 1. `logprobs: true`, `top_logprobs` and `logit_bias` are a 400.
* Parameters other than these are refused as unknown, even if they are null:
  {parameters_2024}.
* Assistant messages have `role`, `content`, `name`, `tool_calls` and `function_call`; system and
  assistant content is a string; there is no role `developer`.
* Answers have no `service_tier` and no `x_groq.seed`.
"""


def page() -> str:
    """The whole page."""
    limits = RequestLimits()
    values = {
        "honoured": _parameter_table("honoured"),
        "meaningless": _parameter_table("meaningless"),
        "refused": _parameter_table("refused"),
        "echoed": ", ".join(f"`{name}`" for name in _echoed_keys()),
        "max_body_bytes": f"{limits.max_body_bytes:,}",
        "max_nesting_depth": str(limits.max_nesting_depth),
        "max_containers": f"{limits.max_containers:,}",
        "max_messages": f"{MAX_MESSAGES:,}",
        "max_stop_length": f"{MAX_STOP_LENGTH:,}",
        "max_logit_bias": f"{MAX_LOGIT_BIAS:,}",
        "answer": _example_answer(),
        "stream": _example_stream(),
        "error_event": error_event(_example_problem()).decode().strip(),
        "error": _indented(ErrorResponse(_example_problem().error)),
        "errors": _error_table(),
        "parameters_2024": ", ".join(f"`{name}`" for name in sorted(PARAMETERS_2024)),
    }
    text = TEMPLATE
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


# --- parameters ----------------------------------------------------------------------------------

# Any below: JSON Schema is JSON.


def _parameter_table(effect: Effect) -> str:
    if effect == "refused":
        rows = ["| parameter | what is accepted, and why no more |", "|---|---|"]
    else:
        rows = ["| parameter | type | range | what happens |", "|---|---|---|---|"]
    _, components = wire_schemas([ChatCompletionRequest])
    schema = components["ChatCompletionRequest"]
    for name, meta in _metas(ChatCompletionRequest):
        if not meta.extra or meta.extra["effect"] != effect:
            continue
        required = " (required)" if name in schema["required"] else ""
        cells = [f"`{name}`{required}"]
        if effect != "refused":
            cells += _type_and_range(schema["properties"][name])
        rows.append(f"| {' | '.join([*cells, str(meta.description)])} |")
    return "\n".join(rows)


def _metas(struct: type) -> Iterator[tuple[str, Meta]]:
    for name, hint in get_type_hints(struct, include_extras=True).items():
        for meta in getattr(hint, "__metadata__", ()):
            if isinstance(meta, Meta):
                yield name, meta


def _echoed_keys() -> list[str]:
    return [
        name
        for name, meta in _metas(AssistantMessage)
        if meta.extra and meta.extra["effect"] == "meaningless"
    ]


def _type_and_range(schema: dict[str, Any]) -> list[str]:
    alternatives = [
        part for part in _flattened(schema) if part.get("type") != "null" and part != {}
    ]
    types = list(dict.fromkeys(_type(part) for part in alternatives))
    ranges = [text for part in alternatives if (text := _range(part))]
    return [" or ".join(types), "; ".join(ranges)]


def _flattened(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "anyOf" in schema:
        for part in schema["anyOf"]:
            yield from _flattened(part)
    else:
        yield schema


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "string"
    return str(schema.get("type", "object"))


def _range(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return _bounds(schema, "minItems", "maxItems", " items")
    if schema.get("type") == "string":
        return _bounds(schema, "minLength", "maxLength", " characters")
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        inner = _range(schema["additionalProperties"])
        outer = _bounds(schema, "minProperties", "maxProperties", " entries")
        return ", ".join(filter(None, [outer, inner and f"values {inner}"]))
    return _bounds(schema, "minimum", "maximum", "")


def _bounds(schema: dict[str, Any], lowest: str, highest: str, unit: str) -> str:
    low, high = schema.get(lowest), schema.get(highest)
    if low is not None and high is not None:
        return f"{low} to {high}{unit}"
    if high is not None:
        return f"at most {high}{unit}"
    return f"at least {low}{unit}" if low is not None else ""


# --- examples and errors -------------------------------------------------------------------------


def _example_answer() -> str:
    fold = Fold(HEAD)
    for event in EVENTS:
        fold.add(event)
    return _indented(fold.answer())


def _example_stream() -> str:
    encoder = ChunkEncoder(HEAD, include_usage=False)
    stream = encoder.opening() + b"".join(encoder.encode(event) for event in EVENTS)
    return stream.decode().strip()


def _example_problem() -> Problem:
    error = JsonValidateFailedError(
        "max completion tokens reached before generating a valid document",
        failed_generation="{",
    )
    return describe(error, request_id=HEAD.request_id)


def _indented(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _error_table() -> str:
    rows = sorted([*ERROR_TABLE.values(), UNEXPECTED], key=lambda row: row.status)
    return "\n".join(
        f"| {row.status} | {f'`{row.code}`' if row.code else ''} | {row.when} |" for row in rows
    )
