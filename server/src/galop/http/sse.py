"""Encodes a completion as server-sent events: a `data:` line of JSON per chunk, then an empty line.

Other lines (`id:`, `retry:`, `event:`) break some clients of this API, so only the event that ends a
failed stream has one: `event: error`. Pure: events in, bytes out.

The constant part of a chunk is encoded once per stream, the text once per delta. Measured 2026-11 on
2 shared cores, Python 3.11: 0.6 us per delta, against 1.0 us for encoding a whole Struct.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, structs

from galop.chat.events import (
    ChoiceFinished,
    CompletionEvent,
    ContentDelta,
    ReasoningDelta,
    Started,
    ToolCall,
    Usage,
)
from galop.http.encode import (
    AnswerHead,
    IncompleteAnswerError,
    function_object,
    logprobs_object,
    usage_object,
)
from galop.http.errors import Problem
from galop.http.ids import new_call_id
from galop.http.schema import (
    ChatCompletionChunk,
    ChunkChoice,
    ChunkDelta,
    ErrorResponse,
    ToolCallDelta,
    UsageObject,
)

SSE_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # nginx buffers chunks otherwise
}

DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


def error_event(problem: Problem) -> bytes:
    """The last event of a stream that failed after its first byte."""
    error = structs.replace(problem.error, status_code=problem.status)
    return b"event: error\ndata: " + _encode(ErrorResponse(error)) + b"\n\n"


class ChunkEncoder:
    """Encodes the events of one completion, in their order."""

    def __init__(self, head: AnswerHead, *, include_usage: bool) -> None:
        self._head = head
        self._include_usage = include_usage
        self._num_unfinished = head.num_choices
        self._last_finish: ChoiceFinished | None = None
        self._is_json_completed = False
        self._unopened = dict.fromkeys(range(head.num_choices), True)
        self._num_calls = [0] * head.num_choices
        base = _encode(self._chunk([])).removesuffix(b"[]}")
        self._before_text = [
            b'data: %b[{"index":%d,"delta":{"content":' % (base, index)
            for index in range(head.num_choices)
        ]

    def opening(self) -> bytes:
        """The first chunk of each choice, with its role.

        Empty if `content_at_start` is unset: then `encode` sends them together with the first event.
        """
        content = self._head.content_at_start
        if content is UNSET:
            return b""
        return b"".join(self._open(index, content) for index in range(self._head.num_choices))

    def encode(self, event: CompletionEvent) -> bytes:
        """The bytes to send for `event`; empty if it only changes a later chunk."""
        if isinstance(event, Usage):
            return self._closing(event)
        if isinstance(event, Started):
            return b""
        opening = b""
        if event.choice_index in self._unopened:
            opening = self._open(event.choice_index, None if isinstance(event, ToolCall) else "")
        if isinstance(event, ContentDelta):
            return opening + self._delta(event)
        if isinstance(event, ChoiceFinished):
            return opening + self._finish(event)
        return opening + self._other_delta(event)

    def _open(self, index: int, content: str | None) -> bytes:
        is_first = len(self._unopened) == self._head.num_choices
        del self._unopened[index]
        chunk = self._chunk([_choice(index, ChunkDelta(role="assistant", content=content))])
        return _line(structs.replace(chunk, x_groq=self._head.x_groq()) if is_first else chunk)

    def _other_delta(self, event: ReasoningDelta | ToolCall) -> bytes:
        index = event.choice_index
        delta = (
            self._call_delta(event)
            if isinstance(event, ToolCall)
            else ChunkDelta(reasoning=event.text)
        )
        choice = _choice(index, delta)
        if event.logprobs is not None:
            choice = structs.replace(choice, logprobs=logprobs_object(event.logprobs))
        return _line(self._chunk([choice]))

    def _call_delta(self, event: ToolCall) -> ChunkDelta:
        function = function_object(event)
        if self._head.is_legacy_call:
            return ChunkDelta(function_call=function)
        number = self._num_calls[event.choice_index]
        self._num_calls[event.choice_index] += 1
        return ChunkDelta(
            tool_calls=[ToolCallDelta(id=new_call_id(), function=function, index=number)]
        )

    def _delta(self, event: ContentDelta) -> bytes:
        logprobs = b"null" if event.logprobs is None else _encode(logprobs_object(event.logprobs))
        return b'%b%b},"logprobs":%b,"finish_reason":null}]}\n\n' % (
            self._before_text[event.choice_index],
            _encode(event.text),
            logprobs,
        )

    def _finish(self, event: ChoiceFinished) -> bytes:
        self._num_unfinished -= 1
        self._is_json_completed |= event.is_json_completed
        if self._num_unfinished == 0:
            self._last_finish = event  # sent together with the usage
            return b""
        return _line(self._finish_chunk(event))

    def _closing(self, usage: Usage) -> bytes:
        if self._last_finish is None:
            raise IncompleteAnswerError(f"{self._num_unfinished} choices did not finish")
        counted = usage_object(usage)
        chunk = structs.replace(
            self._finish_chunk(self._last_finish),
            x_groq=self._head.x_groq(usage=counted, is_json_completed=self._is_json_completed),
            usage=counted,
        )
        extra = self._usage_chunk(counted) if self._include_usage else b""
        return _line(chunk) + extra + DONE

    def _usage_chunk(self, usage: UsageObject) -> bytes:
        return _line(
            structs.replace(self._chunk([]), usage=usage, service_tier=self._head.service_tier)
        )

    def _finish_chunk(self, event: ChoiceFinished) -> ChatCompletionChunk:
        choice = ChunkChoice(
            index=event.choice_index,
            delta=ChunkDelta(),
            logprobs=None,
            finish_reason=self._head.finish_reason(event.finish_reason),
        )
        return self._chunk([choice])

    def _chunk(self, choices: list[ChunkChoice]) -> ChatCompletionChunk:
        head = self._head
        return ChatCompletionChunk(
            id=head.completion_id,
            created=head.created,
            model=head.model,
            system_fingerprint=head.system_fingerprint,
            choices=choices,
            x_groq=UNSET,
        )


def _choice(index: int, delta: ChunkDelta) -> ChunkChoice:
    return ChunkChoice(index=index, delta=delta, logprobs=None, finish_reason=None)


def _line(chunk: ChatCompletionChunk) -> bytes:
    return b"data: " + _encode(chunk) + b"\n\n"
