"""A completion as server-sent events: one `data:` line of compact JSON per chunk, then a blank one.

No `id:`, no `retry:` and no `event:` lines, which clients of this API trip over; the one exception
is the `event: error` that ends a stream that went wrong. Pure: events in, bytes out.

What is constant in a chunk is encoded once per stream; per token only the text is. Measured 2026-11 on
2 shared cores, Python 3.11: 0.6 us per delta, against 1.0 us for a Struct encoded whole.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, structs

from galop.chat.events import ChoiceFinished, CompletionEvent, Delta, Usage
from galop.http.encode import AnswerHead, IncompleteAnswerError, logprobs_object, usage_object
from galop.http.errors import Problem
from galop.http.schema import (
    ChatCompletionChunk,
    ChunkChoice,
    ChunkDelta,
    ErrorResponse,
    UsageObject,
)

SSE_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # nginx would collect the chunks otherwise
}

DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


def error_event(problem: Problem) -> bytes:
    """How a stream ends that went wrong after its first byte: nothing follows this."""
    error = structs.replace(problem.error, status_code=problem.status)
    return b"event: error\ndata: " + _encode(ErrorResponse(error)) + b"\n\n"


class ChunkEncoder:
    """Turns the events of one completion into the bytes of its stream."""

    def __init__(self, head: AnswerHead, *, include_usage: bool) -> None:
        self._head = head
        self._include_usage = include_usage
        self._num_unfinished = head.num_choices
        self._last_finish: ChoiceFinished | None = None
        self._is_json_completed = False
        base = _encode(self._chunk([])).removesuffix(b"[]}")
        self._before_text = [
            b'data: %b[{"index":%d,"delta":{"content":' % (base, index)
            for index in range(head.num_choices)
        ]

    def opening(self) -> bytes:
        """The chunks that say who speaks, one for each choice."""
        chunks = []
        for index in range(self._head.num_choices):
            delta = ChunkDelta(role="assistant", content="")
            chunk = self._chunk([_choice(index, delta)])
            if index == 0:
                chunk = structs.replace(chunk, x_groq=self._head.x_groq())
            chunks.append(_line(chunk))
        return b"".join(chunks)

    def encode(self, event: CompletionEvent) -> bytes:
        """The bytes to send for `event`: none where it only matters later."""
        if isinstance(event, Delta):
            return self._delta(event)
        if isinstance(event, ChoiceFinished):
            return self._finish(event)
        if isinstance(event, Usage):
            return self._closing(event)
        return b""

    def _delta(self, event: Delta) -> bytes:
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
            self._last_finish = event  # waits for the usage, which goes on the same chunk
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
            finish_reason=event.finish_reason,
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
