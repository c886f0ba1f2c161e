"""POST /openai/v1/chat/completions: from the body to the last byte of the response.

The first event of a completion is awaited before the response starts, so an error up to the end of the
prefill has its own status. The non-streamed response is built from the same events as the stream. The
event iterator is closed however the request ends, which frees its sequences in the engine.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from msgspec import UNSET, UnsetType
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from galop.accounts.keys import Caller
from galop.accounts.limits import RemainingLimits
from galop.admission.admission import Admission, AdmittedRequest
from galop.admission.policy import check_model, check_tier
from galop.chat.events import CompletionEvent, Usage
from galop.http.body import read_body, require_json
from galop.http.connection import send_json, send_start, while_connected
from galop.http.deadline import Deadline, deadline_of, until
from galop.http.decode import CheckedRequest, check_request, parse
from galop.http.encode import AnswerHead, Fold, IncompleteAnswerError
from galop.http.error_middleware import add_headers, log_problem, request_id_of
from galop.http.errors import describe
from galop.http.ids import new_completion_id
from galop.http.limits import RequestLimits
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
"""`delta.content` in the first chunk of a choice; Groq sends null if the choice begins with a call."""
_NUM_SEED_BITS = 53
"""Random seeds are returned to the client; JavaScript's numbers hold 53 bits exactly."""


class ChatCompletions:
    """The ASGI endpoint that completes conversations."""

    def __init__(
        self,
        service: ChatService,
        admission: Admission,
        *,
        compat: Compat,
        limits: RequestLimits,
        observer: RequestObserver,
    ) -> None:
        self._service = service
        self._admission = admission
        self._compat = compat
        self._limits = limits
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. Errors propagate to `ErrorMiddleware` unless a stream has started."""
        headers = Headers(scope=scope)
        caller = self._admission.authenticate(headers.get("authorization"))
        deadline = deadline_of(headers, self._limits.request_timeout_s)
        require_json(headers)
        body = await read_body(headers, receive, max_body_bytes=self._limits.max_body_bytes)
        checked = self._check(body, request_id_of(scope), caller)

        def show_limits(remaining_limits: RemainingLimits) -> None:
            add_headers(scope, rate_limit_headers(remaining_limits))

        work = self._admitted_answer(checked, caller, send, deadline, show_limits)
        await while_connected(receive, work)

    def _check(self, body: bytes, request_id: str, caller: Caller) -> CheckedRequest:
        request = parse(body, compat=self._compat, limits=self._limits)
        entry = self._service.models.resolve(request.model)
        check_model(caller, entry.card)
        checked = check_request(
            request,
            request_id=request_id,
            entry=entry,
            key_id=caller.key_id,
            draw_seed=lambda: secrets.randbits(_NUM_SEED_BITS),
            compat=self._compat,
        )
        check_tier(caller, checked.chat.service_tier)
        return checked

    async def _admitted_answer(
        self,
        checked: CheckedRequest,
        caller: Caller,
        send: Send,
        deadline: Deadline | None,
        show_limits: Callable[[RemainingLimits], None],
    ) -> None:
        admitted = self._admission.admit(caller, checked.chat, checked.entry.card)
        is_served = True
        try:
            events = self._events(checked, admitted, show_limits)
            await self._answer(checked, events, send, deadline)
        except (QueueFullError, EngineUnavailableError):
            is_served = admitted.usage.num_prompt_tokens > 0
            raise
        finally:
            admitted.close(is_served=is_served)

    async def _events(
        self,
        checked: CheckedRequest,
        admitted: AdmittedRequest,
        show_limits: Callable[[RemainingLimits], None],
    ) -> AsyncGenerator[CompletionEvent, None]:
        """Prepares the request, reserves its tokens, and yields the events of its completion."""
        with self._observer.completion(checked.chat) as watch:
            prepared = await self._service.prepare(checked.chat, checked.entry.model)
            await admitted.reserve(prepared.num_prompt_tokens, prepared.max_completion_tokens)
            show_limits(admitted.remaining_limits)
            async with aclosing(self._service.run(prepared, admitted)) as events:
                async for event in events:
                    watch.take(event)
                    yield event

    async def _answer(
        self,
        checked: CheckedRequest,
        all_events: AsyncGenerator[CompletionEvent, None],
        send: Send,
        deadline: Deadline | None,
    ) -> None:
        async with aclosing(all_events):
            events = all_events if deadline is None else until(deadline, all_events)
            first = await anext(events, None)
            if first is None:
                raise IncompleteAnswerError("no events")
            head = self._head(checked)
            if checked.is_streamed:
                encoder = ChunkEncoder(head, include_usage=checked.include_usage)
                await _send_stream(send, _chunks(first, events, encoder, head, self._observer))
            else:
                fold = Fold(head)
                fold.add(first)
                async for event in events:
                    fold.add(event)
                    if isinstance(event, Usage):
                        _log_completed(head, event)
        if checked.is_streamed:
            await send({"type": "http.response.body", "body": b""})
        else:
            await send_json(send, fold.answer())

    def _head(self, checked: CheckedRequest) -> AnswerHead:
        is_today = self._compat == "default"
        return AnswerHead(
            completion_id=new_completion_id(),
            request_id=checked.chat.request_id,
            created=int(time.time()),
            model=checked.chat.model,
            system_fingerprint=checked.entry.model.system_fingerprint,
            num_choices=checked.chat.num_choices,
            seed=checked.seed if is_today else UNSET,
            service_tier=checked.chat.service_tier if is_today else UNSET,
            is_legacy_call=checked.is_legacy_call,
            content_at_start=_CONTENT_AT_START[checked.chat.tool_choice],
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
    """The bytes of a stream. An exception becomes its last event."""
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
        observer.refused(error, 500)  # counts as a failure, since the request was accepted
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
