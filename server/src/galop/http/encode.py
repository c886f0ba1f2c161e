"""Encodes completion events as wire types: usage, log probabilities and the non-streamed response.

`Fold` builds the non-streamed response from the same events that `sse` encodes as chunks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType, structs

from galop.chat.events import (
    ChoiceDelta,
    ChoiceFinished,
    CompletionEvent,
    ContentDelta,
    ReasoningDelta,
    TokenLogprob,
    ToolCall,
    Usage,
)
from galop.chat.request import ModelCard
from galop.http.ids import new_call_id
from galop.http.schema import (
    ChatCompletion,
    Choice,
    CompletionTokensDetails,
    FunctionObject,
    LogprobsObject,
    ModelObject,
    PromptTokensDetails,
    ResponseMessage,
    TokenLogprobObject,
    ToolCallObject,
    TopLogprobObject,
    UsageObject,
    XGroq,
)
from galop.protocol.literals import FinishReason

_LOWEST_LOGPROB = -9999.0
"""Stands for minus infinity, which JSON does not have; OpenAI's API uses the same number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """The constant fields of one response, streamed or not."""

    completion_id: str
    """`chatcmpl-` and a UUID."""
    request_id: str
    """Same as the header `x-request-id`."""
    created: int
    """Seconds since 1970."""
    model: str
    """Id or alias, as in the request."""
    system_fingerprint: str
    """`fp_` and 10 hexadecimal digits."""
    num_choices: int
    """At least 1."""
    seed: int | UnsetType = UNSET
    """As in `CheckedRequest.seed`."""
    service_tier: str | UnsetType = UNSET
    """The tier that was used; unset with the profile `groq-2024`."""
    is_legacy_call: bool = False
    """Calls are encoded as `function_call` instead of `tool_calls`."""
    content_at_start: str | None | UnsetType = ""
    """`delta.content` in a choice's first chunk. Unset: null if the choice begins with a call, else ""."""

    def finish_reason(self, reason: FinishReason) -> FinishReason:
        """The wire value of `reason`: `function_call` for `tool_calls` in the older form."""
        return "function_call" if reason == "tool_calls" and self.is_legacy_call else reason

    def x_groq(
        self, usage: UsageObject | UnsetType = UNSET, *, is_json_completed: bool = False
    ) -> XGroq:
        """`x_groq` of a non-streamed response or of a chunk; `usage` is for the last chunk."""
        return XGroq(
            id=self.request_id,
            seed=self.seed,
            json_completed=True if is_json_completed else UNSET,
            usage=usage,
        )


class IncompleteAnswerError(RuntimeError):
    """A completion without `Usage` or a choice without `ChoiceFinished`: a bug of the server."""


def usage_object(usage: Usage) -> UsageObject:
    """The wire type of `usage`. `total_time` excludes `queue_time`."""
    return UsageObject(
        queue_time=usage.queue_time_s,
        prompt_tokens=usage.prompt_tokens,
        prompt_time=usage.prompt_time_s,
        completion_tokens=usage.completion_tokens,
        completion_time=usage.completion_time_s,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        total_time=usage.prompt_time_s + usage.completion_time_s,
        prompt_tokens_details=(
            PromptTokensDetails(usage.cached_tokens) if usage.cached_tokens > 0 else UNSET
        ),
        completion_tokens_details=(
            CompletionTokensDetails(usage.reasoning_tokens) if usage.reasoning_tokens > 0 else UNSET
        ),
    )


def logprobs_object(logprobs: Sequence[TokenLogprob]) -> LogprobsObject:
    """The wire type of `logprobs`, one entry per token."""
    return LogprobsObject(
        content=[
            TokenLogprobObject(
                token=entry.token,
                bytes=list(entry.token_bytes),
                logprob=_finite(entry.logprob),
                top_logprobs=[
                    TopLogprobObject(
                        token=top.token, bytes=list(top.token_bytes), logprob=_finite(top.logprob)
                    )
                    for top in entry.top_logprobs
                ],
                constrained_logprob=(
                    UNSET
                    if entry.constrained_logprob is None
                    else _finite(entry.constrained_logprob)
                ),
            )
            for entry in logprobs
        ]
    )


def _finite(logprob: float) -> float:
    return logprob if math.isfinite(logprob) else _LOWEST_LOGPROB


def function_object(call: ToolCall) -> FunctionObject:
    """The wire type of a call's name and arguments."""
    return FunctionObject(name=call.name, arguments=call.arguments)


def model_object(card: ModelCard) -> ModelObject:
    """The wire type of `card`."""
    return ModelObject(
        id=card.id,
        created=card.created,
        owned_by=card.owned_by,
        context_window=card.context_window,
        max_completion_tokens=card.max_completion_tokens,
        alias_of=UNSET if card.alias_of is None else card.alias_of,
    )


class _ChoiceParts:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.reasoning: list[str] = []
        self.calls: list[FunctionObject] = []
        self.logprobs: list[TokenLogprob] | None = None
        self.finish_reason: FinishReason | None = None


class Fold:
    """Builds the non-streamed response from the events of one completion."""

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._choices = [_ChoiceParts() for _ in range(head.num_choices)]
        self._usage: Usage | None = None
        self._is_json_completed = False

    def add(self, event: CompletionEvent) -> None:
        """Adds the next event, in the order of the stream."""
        if isinstance(event, ContentDelta | ReasoningDelta | ToolCall):
            self._add_said(event)
        elif isinstance(event, ChoiceFinished):
            self._choices[event.choice_index].finish_reason = event.finish_reason
            self._is_json_completed |= event.is_json_completed
        elif isinstance(event, Usage):
            self._usage = event

    def _add_said(self, event: ChoiceDelta) -> None:
        parts = self._choices[event.choice_index]
        if isinstance(event, ToolCall):
            parts.calls.append(function_object(event))
        elif isinstance(event, ReasoningDelta):
            parts.reasoning.append(event.text)
        else:
            parts.texts.append(event.text)
        if event.logprobs is not None:
            parts.logprobs = parts.logprobs or []
            parts.logprobs.extend(event.logprobs)

    def answer(self) -> ChatCompletion:
        """The response. Raises IncompleteAnswerError if events are missing."""
        if self._usage is None:
            raise IncompleteAnswerError("no usage")
        return ChatCompletion(
            id=self._head.completion_id,
            created=self._head.created,
            model=self._head.model,
            choices=[self._choice(index, parts) for index, parts in enumerate(self._choices)],
            usage=usage_object(self._usage),
            system_fingerprint=self._head.system_fingerprint,
            x_groq=self._head.x_groq(is_json_completed=self._is_json_completed),
            service_tier=self._head.service_tier,
        )

    def _choice(self, index: int, parts: _ChoiceParts) -> Choice:
        if parts.finish_reason is None:
            raise IncompleteAnswerError(f"choice {index} did not finish")
        return Choice(
            index=index,
            message=self._message(parts),
            logprobs=None if parts.logprobs is None else logprobs_object(parts.logprobs),
            finish_reason=self._head.finish_reason(parts.finish_reason),
        )

    def _message(self, parts: _ChoiceParts) -> ResponseMessage:
        text = "".join(parts.texts)
        message = ResponseMessage(
            content=None if parts.calls and not text else text,
            reasoning="".join(parts.reasoning) or UNSET,
        )
        if not parts.calls:
            return message
        if self._head.is_legacy_call:
            return structs.replace(message, function_call=parts.calls[0])
        calls = [ToolCallObject(id=new_call_id(), function=function) for function in parts.calls]
        return structs.replace(message, tool_calls=calls)
