"""POST /openai/v1/chat/completions: from the body to the last byte of the answer.

The first event of a completion is awaited before anything is sent, so everything that goes wrong up
to the end of the prefill has an honest status. There is one path: the answer in one piece takes the
same events as the stream. Whatever ends a request early, its event iterator is closed, and with it
the sequences of the engine.
"""

from __future__ import annotations

import dataclasses
import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import UNSET, UnsetType
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from galop.accounts.keys import Caller
from galop.accounts.limits import Standing
from galop.admission.policy import Admission, Gate, check_model, check_tier
from galop.chat.events import CompletionEvent, Usage
from galop.http.body import read_body, require_json
from galop.http.boundary import add_headers, log_problem, request_id_of
from galop.http.connection import send_json, send_start, while_connected
from galop.http.deadline import Deadline, deadline_of, until
from galop.http.decode import CompletionCall, parse, to_call
from galop.http.encode import AnswerHead, Fold, IncompleteAnswerError
from galop.http.errors import describe
from galop.http.ids import new_completion_id
from galop.http.limits import Limits
from galop.http.observer import RequestObserver
from galop.http.rate_limits import rate_limit_headers
from galop.http.service import ChatService
from galop.http.sse import SSE_HEADERS, ChunkEncoder, error_event
from galop.protocol.errors import EngineUnavailableError, QueueFullError
from galop.protocol.literals import Compat, ToolChoice

logger = logging.getLogger("galop.http")

_CONTENT_AT_START: dict[ToolChoice, str | None | UnsetType] = {
    "none": "",
    "required": None,
    "auto": UNSET,
}
"""Of a stream; the original says null where calls come instead of text."""
_NUM_SEED_BITS = 53
"""Drawn seeds are told to the caller, and some callers' numbers are doubles."""


class ChatCompletions:
    """The ASGI endpoint that completes conversations."""

    def __init__(
        self,
        service: ChatService,
        *,
        compat: Compat,
        limits: Limits,
        gate: Gate,
        observer: RequestObserver,
    ) -> None:
        self._service = service
        self._gate = gate
        self._compat = compat
        self._limits = limits
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. Raises what `describe` knows, as long as nothing was sent."""
        headers = Headers(scope=scope)
        caller = self._gate.authenticate(headers.get("authorization"))
        deadline = deadline_of(headers, self._limits.request_timeout_s)
        require_json(headers)
        body = await read_body(headers, receive, max_body_bytes=self._limits.max_body_bytes)
        self._service.require_room(caller.key_id)  # refusing must cost next to nothing
        call = self._call(body, request_id_of(scope), caller)
        model = self._service.resolve(call.chat.model)

        def tell(standing: Standing) -> None:
            add_headers(scope, rate_limit_headers(standing))

        admission = Admission(self._gate, caller, call.chat, model, tell)
        chat = dataclasses.replace(call.chat, key_id=caller.key_id, meter=admission.meter)
        call = dataclasses.replace(call, chat=chat)
        await while_connected(receive, self._settled_answer(call, send, admission, deadline))

    def _call(self, body: bytes, request_id: str, caller: Caller) -> CompletionCall:
        request = parse(body, compat=self._compat, limits=self._limits)
        model = self._service.resolve(request.model)
        check_model(caller, model)
        call = to_call(
            request,
            request_id=request_id,
            model=model,
            vocab_size=lambda: self._service.vocab_size,
            draw_seed=lambda: secrets.randbits(_NUM_SEED_BITS),
            compat=self._compat,
        )
        check_tier(caller, call.chat.service_tier)
        return call

    async def _settled_answer(
        self,
        call: CompletionCall,
        send: Send,
        admission: Admission,
        deadline: Deadline | None,
    ) -> None:
        was_served = True
        try:
            await self._answer(call, send, deadline)
        except (QueueFullError, EngineUnavailableError):
            was_served = admission.meter.num_prompt_tokens > 0
            raise
        finally:
            admission.settle(was_served=was_served)

    async def _answer(self, call: CompletionCall, send: Send, deadline: Deadline | None) -> None:
        async with aclosing(self._service.complete(call.chat)) as all_events:
            events = all_events if deadline is None else until(deadline, all_events)
            first = await anext(events, None)
            if first is None:
                raise IncompleteAnswerError("no events")
            head = self._head(call)
            if call.is_streamed:
                encoder = ChunkEncoder(head, include_usage=call.include_usage)
                await _send_stream(send, _chunks(first, events, encoder, head, self._observer))
            else:
                fold = Fold(head)
                fold.add(first)
                async for event in events:
                    fold.add(event)
                    if isinstance(event, Usage):
                        _log_completed(head, event)
        if call.is_streamed:
            await send({"type": "http.response.body", "body": b""})
        else:
            await send_json(send, fold.answer())

    def _head(self, call: CompletionCall) -> AnswerHead:
        is_today = self._compat == "default"
        return AnswerHead(
            completion_id=new_completion_id(),
            request_id=call.chat.request_id,
            created=int(time.time()),
            model=call.chat.model,
            system_fingerprint=self._service.system_fingerprint,
            num_choices=call.chat.num_choices,
            seed=call.seed if is_today else UNSET,
            service_tier=call.chat.service_tier if is_today else UNSET,
            is_legacy_call=call.is_legacy_call,
            content_at_start=_CONTENT_AT_START[call.chat.tool_choice],
        )


async def _send_stream(send: Send, chunks: AsyncGenerator[bytes, None]) -> None:
    await send_start(send, 200, SSE_HEADERS)
    async with aclosing(chunks):
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _chunks(
    first: CompletionEvent,
    events: AsyncGenerator[CompletionEvent, None],
    encoder: ChunkEncoder,
    head: AnswerHead,
    observer: RequestObserver,
) -> AsyncGenerator[bytes, None]:
    """The bytes of a stream; a fault becomes its last event."""
    yield encoder.opening()
    try:
        if chunk := encoder.encode(first):
            yield chunk
        async for event in events:
            if chunk := encoder.encode(event):
                yield chunk
            if isinstance(event, Usage):
                _log_completed(head, event)
                return
        raise IncompleteAnswerError("no usage")
    except Exception as error:
        problem = describe(error, request_id=head.request_id)
        log_problem(head.request_id, "stream", problem, error)
        observer.refused(error, 500)  # it was accepted: whatever the status would have been
        yield error_event(problem)


def _log_completed(head: AnswerHead, usage: Usage) -> None:
    logger.info(
        "%s completed: model=%s choices=%d prompt_tokens=%d cached_tokens=%d completion_tokens=%d "
        "queue_time=%.4f prompt_time=%.4f completion_time=%.4f",
        head.request_id,
        head.model,
        head.num_choices,
        usage.prompt_tokens,
        usage.cached_tokens,
        usage.completion_tokens,
        usage.queue_time_s,
        usage.prompt_time_s,
        usage.completion_time_s,
        extra={
            "request_id": head.request_id,
            "model": head.model,
            "num_choices": head.num_choices,
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
            "queue_time": usage.queue_time_s,
            "prompt_time": usage.prompt_time_s,
            "completion_time": usage.completion_time_s,
        },
    )
