"""Answers without a server: a transport that a test scripts, for your own test suite.

    from groq.testing import FakeGroq, completion, error

    fake = FakeGroq()
    fake.add(completion("Hello."))
    fake.add(error(429, code="rate_limit_exceeded", headers={"retry-after": "0"}))
    client = fake.client()

Everything of the real client runs, from encoding to decoding and retries; only the bytes stay in
memory. `fake.requests` are the requests as they would have been sent.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from ._client import AsyncGroq, Groq
from ._retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Answer:
    """What a fake server sends: a body, or the pieces of a stream.

    `fault` is raised after the pieces, as a connection that breaks would be.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[bytes, ...] = ()
    fault: Exception | None = None


def _usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    return {
        "queue_time": 0.001,
        "prompt_tokens": prompt_tokens,
        "prompt_time": 0.002,
        "completion_tokens": completion_tokens,
        "completion_time": 0.003,
        "total_tokens": prompt_tokens + completion_tokens,
        "total_time": 0.005,
    }


def _tool_calls(tool_calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`{"name": ..., "arguments": {...}}` in the shape of the API; arguments may be text."""
    calls = []
    for index, call in enumerate(tool_calls):
        arguments = call["arguments"]
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        function = {"name": call["name"], "arguments": text}
        calls.append({"id": f"call_{index}", "type": "function", "function": function})
    return calls


def completion(
    content: str | None = None,
    *,
    tool_calls: Iterable[Mapping[str, Any]] = (),
    finish_reason: str | None = None,
    model: str = "fake",
    headers: Mapping[str, str] | None = None,
    **fields: object,
) -> Answer:
    """A chat completion. `fields` are put over those of the answer."""
    calls = _tool_calls(tool_calls)
    message: dict[str, Any] = {"role": "assistant"}
    if content is not None or not calls:
        message["content"] = content or ""
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish_reason or ("tool_calls" if calls else "stop"),
    }
    payload = {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice],
        "usage": _usage(1, max(1, len((content or "").split()))),
        "system_fingerprint": "fp_fake",
        "x_groq": {"id": "req_fake"},
        **fields,
    }
    return json_answer(payload, headers=headers)


def json_answer(
    payload: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Any JSON, for the other operations."""
    all_headers = {"content-type": "application/json", "x-request-id": "req_fake"}
    return Answer(status, all_headers | dict(headers or {}), (json.dumps(payload).encode(),))


def error(
    status: int,
    message: str = "Refused by the fake server.",
    *,
    code: str | None = None,
    type: str = "invalid_request_error",
    param: str | None = None,
    failed_generation: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An error in the documented envelope; absent fields are left out."""
    fields = {
        "message": message,
        "type": type,
        "param": param,
        "code": code,
        "failed_generation": failed_generation,
    }
    body = {"error": {name: value for name, value in fields.items() if value is not None}}
    return json_answer(body, status=status, headers=headers)


def chunk(
    content: str | None = None,
    *,
    delta: Mapping[str, Any] | None = None,
    finish_reason: str | None = None,
    model: str = "fake",
    **fields: object,
) -> dict[str, Any]:
    """One event of a stream, for `stream`."""
    said = dict(delta) if delta is not None else {} if content is None else {"content": content}
    choice = {"index": 0, "delta": said, "logprobs": None, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "system_fingerprint": "fp_fake",
        "choices": [choice],
        **fields,
    }


def stream(
    content: str | Iterable[str | Mapping[str, Any]],
    *,
    finish_reason: str | None = "stop",
    done: bool = True,
    fault: Exception | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A streamed completion.

    Args:
        content: a text, which is sent word by word, or the pieces: texts and whole chunks.
        finish_reason: of the last chunk; None leaves that chunk out.
        done: whether `[DONE]` is sent.
        fault: raised at the end instead, such as `httpx.ReadError("cut")`.
    """
    pieces = _words(content) if isinstance(content, str) else content
    events = [chunk(delta={"role": "assistant", "content": ""})]
    events += [piece if isinstance(piece, dict) else chunk(str(piece)) for piece in pieces]
    if finish_reason is not None and fault is None:
        usage = _usage(1, len(events) - 1)
        events.append(
            chunk(
                finish_reason=finish_reason, usage=usage, x_groq={"id": "req_fake", "usage": usage}
            )
        )
    encoded = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]
    if done and fault is None:
        encoded.append(b"data: [DONE]\n\n")
    all_headers = {"content-type": "text/event-stream", "x-request-id": "req_fake"}
    return Answer(200, all_headers | dict(headers or {}), tuple(encoded), fault)


def _words(text: str) -> list[str]:
    """`text` cut before each space: joining the pieces gives it back."""
    words = text.split(" ")
    return words[:1] + [" " + word for word in words[1:]]


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.pieces
        if self._answer.fault is not None:
            raise self._answer.fault

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


Script = Answer | Exception | Callable[[httpx.Request], Answer]


class FakeTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Gives the scripted answers in order; the last one again and again if `repeat`.

    An exception in the script is raised in place of an answer; a function is called with the
    request. Raises AssertionError for a request that nobody scripted.
    """

    def __init__(self, script: Iterable[Script] = (), *, repeat: bool = False) -> None:
        self.script: list[Script] = list(script)
        self.requests: list[httpx.Request] = []
        self._repeat = repeat

    def __repr__(self) -> str:
        return f"<FakeTransport {len(self.requests)} requests, {len(self.script)} answers left>"

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self.script, f"nobody scripted an answer for {request.method} {request.url.path}"
        scripted = self.script[0]
        if not (self._repeat and len(self.script) == 1):
            del self.script[0]
        if isinstance(scripted, Exception):
            raise scripted
        answer = scripted if isinstance(scripted, Answer) else scripted(request)
        return httpx.Response(answer.status, headers=dict(answer.headers), stream=_Body(answer))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self._answer(request)


class FakeGroq:
    """A script of answers, and clients that get them. See the module for an example."""

    def __init__(self, *script: Script, repeat: bool = False) -> None:
        self.transport: FakeTransport = FakeTransport(script, repeat=repeat)

    def add(self, *script: Script) -> None:
        """Append answers to the script."""
        self.transport.script.extend(script)

    @property
    def requests(self) -> list[httpx.Request]:
        return self.transport.requests

    @property
    def bodies(self) -> list[Any]:
        """The decoded JSON bodies of the requests."""
        return [json.loads(request.content) for request in self.requests]

    def client(self, **options: Any) -> Groq:
        """A client on this script; it does not wait between retries."""
        return Groq(**_without_waits(options), http_client=httpx.Client(transport=self.transport))

    def async_client(self, **options: Any) -> AsyncGroq:
        """The asynchronous one."""
        return AsyncGroq(
            **_without_waits(options), http_client=httpx.AsyncClient(transport=self.transport)
        )


def _without_waits(options: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": "fake", "retry_policy": RetryPolicy(base_s=0.0), **options}


__all__ = [
    "Answer",
    "FakeGroq",
    "FakeTransport",
    "chunk",
    "completion",
    "error",
    "json_answer",
    "stream",
]
