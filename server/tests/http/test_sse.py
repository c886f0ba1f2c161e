"""The bytes of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from galop.chat.errors import JsonValidateFailedError
from galop.chat.events import (
    ChoiceFinished,
    CompletionEvent,
    ContentDelta,
    Started,
    TokenLogprob,
    Usage,
)
from galop.http.encode import AnswerHead, IncompleteAnswerError
from galop.http.errors import describe
from galop.http.sse import ChunkEncoder, error_event
from galop.protocol.errors import EngineDiedError

if TYPE_CHECKING:
    from server.tests.http.conftest import Caller, ScriptedChatService

HEAD = AnswerHead(
    completion_id="chatcmpl-1",
    request_id="req_1",
    created=5,
    model='m"<&>',
    system_fingerprint="fp_1",
    num_choices=1,
    seed=7,
    service_tier="on_demand",
)
START = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m\\"<&>",'
    b'"system_fingerprint":"fp_1","choices":['
)
USAGE_JSON = (
    b'{"queue_time":0.25,"prompt_tokens":12,"prompt_time":0.5,"completion_tokens":3,'
    b'"completion_time":1.0,"total_tokens":15,"total_time":1.5}'
)


def stream_of(events: Iterable[CompletionEvent], head: AnswerHead = HEAD, **options: bool) -> bytes:
    encoder = ChunkEncoder(head, include_usage=options.get("include_usage", False))
    return encoder.opening() + b"".join(encoder.encode(event) for event in events)


def chunks_of(stream: bytes) -> list[Any]:
    lines = [line for line in stream.split(b"\n\n") if line not in (b"", b"data: [DONE]")]
    return [json.loads(line.removeprefix(b"data: ")) for line in lines]


def test_a_stream_byte_by_byte(usage: Usage) -> None:
    """Role, deltas, the finish chunk with both usages, the end mark."""
    events: list[CompletionEvent] = [
        Started(),
        ContentDelta(0, 'Hé"\n\U0001f40e'),
        ChoiceFinished(0, "stop"),
        usage,
    ]
    assert stream_of(events) == b"".join(
        [
            START,
            b'{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,'
            b'"finish_reason":null}],"x_groq":{"id":"req_1","seed":7}}\n\n',
            START,
            '{"index":0,"delta":{"content":"Hé\\"\\n\U0001f40e"},"logprobs":null,'
            '"finish_reason":null}]}\n\n'.encode(),
            START,
            b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],'
            b'"x_groq":{"id":"req_1","seed":7,"usage":' + USAGE_JSON + b"},"
            b'"usage":' + USAGE_JSON + b"}\n\n",
            b"data: [DONE]\n\n",
        ]
    )


def test_include_usage_adds_a_chunk_without_choices(usage: Usage) -> None:
    """Only when asked for: programs read choices[0] of every other chunk."""
    stream = stream_of([ChoiceFinished(0, "stop"), usage], include_usage=True)
    assert stream.endswith(
        START + b'],"usage":' + USAGE_JSON + b',"service_tier":"on_demand"}\n\ndata: [DONE]\n\n'
    )


def test_the_usage_is_on_the_last_choice_that_finishes(usage: Usage) -> None:
    """Every choice has its own role chunk and its own finish chunk."""
    events: list[CompletionEvent] = [
        Started(),
        ContentDelta(1, "b"),
        ChoiceFinished(1, "length"),
        ContentDelta(0, "a"),
        ChoiceFinished(0, "stop"),
        usage,
    ]
    chunks = chunks_of(stream_of(events, replace(HEAD, num_choices=2)))
    shapes = [
        (chunk["choices"][0]["index"], chunk["choices"][0]["finish_reason"], "usage" in chunk)
        for chunk in chunks
    ]
    assert shapes == [
        (0, None, False),
        (1, None, False),
        (1, None, False),
        (1, "length", False),
        (0, None, False),
        (0, "stop", True),
    ]
    assert ["x_groq" in chunk for chunk in chunks] == [True, False, False, False, False, True]


def test_logprobs_travel_with_their_delta() -> None:
    """In the shape of the answer in one piece."""
    delta = ContentDelta(0, "a", (TokenLogprob("a", b"a", -0.5, (), None),))
    chunk = chunks_of(stream_of([delta]))[1]
    assert chunk["choices"][0]["logprobs"] == {
        "content": [{"token": "a", "bytes": [97], "logprob": -0.5, "top_logprobs": []}],
        "refusal": None,
    }


def test_usage_before_every_choice_finished_is_a_bug(usage: Usage) -> None:
    """It is an error, since the stream would look complete."""
    with pytest.raises(IncompleteAnswerError):
        stream_of([Started(), usage])


def test_the_error_event_byte_by_byte() -> None:
    """The inner error carries the status that it would have had."""
    problem = describe(
        JsonValidateFailedError("truncated", failed_generation='{"a'), request_id="req_1"
    )
    assert error_event(problem) == (
        b"event: error\n"
        b'data: {"error":{"message":"Failed to generate JSON: truncated. See \'failed_generation\' '
        b'for the generated text.","type":"invalid_request_error","code":"json_validate_failed",'
        b'"failed_generation":"{\\"a","status_code":400}}\n\n'
    )


def test_a_fault_after_the_first_byte_ends_the_stream(
    caller: Caller, service: ScriptedChatService
) -> None:
    """The error event is the last one: no finish chunk, no end mark."""
    service.script = [Started(), ContentDelta(0, "Hel"), EngineDiedError(exit_code=-9)]
    answer = caller.post(stream=True)
    *chunks, last, rest = answer.body.split(b"\n\n")
    assert answer.status == 200
    assert [json.loads(c[6:])["choices"][0]["finish_reason"] for c in chunks] == [None, None]
    assert last.startswith(b'event: error\ndata: {"error":{')
    error = json.loads(last.partition(b"data: ")[2])["error"]
    assert (error["type"], error["status_code"]) == ("internal_server_error", 500)
    assert rest == b""


def test_a_fault_between_the_last_token_and_the_usage_hides_the_finish(
    caller: Caller, service: ScriptedChatService
) -> None:
    """A stream that failed never looks complete."""
    service.script = [Started(), ChoiceFinished(0, "stop"), EngineDiedError(exit_code=1)]
    body = caller.post(stream=True).body
    assert b'"finish_reason":"stop"' not in body
    assert b"[DONE]" not in body


def test_events_that_end_early_are_an_error(caller: Caller, service: ScriptedChatService) -> None:
    """It is a bug of the service."""
    service.script = [Started(), ContentDelta(0, "x")]
    assert b'"status_code":500' in caller.post(stream=True).body


def test_the_streamed_answer_is_the_folded_one(caller: Caller) -> None:
    """One path."""
    folded = caller.post(seed=1).json()["choices"][0]["message"]["content"]
    chunks = chunks_of(caller.post(seed=1, stream=True).body)
    texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(texts) == folded == "Hello"


def test_the_headers_of_a_stream(caller: Caller) -> None:
    """What keeps proxies from collecting chunks."""
    headers = caller.post(stream=True).headers
    assert headers["content-type"] == "text/event-stream"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"
