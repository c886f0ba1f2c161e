"""One event of a streamed chat completion."""

from typing import Literal

from ..._models import BaseModel
from ..completion_usage import CompletionUsage
from .chat_completion_message import Annotation, ExecutedTool
from .chat_completion_token_logprob import ChatCompletionTokenLogprob

__all__ = [
    "ChatCompletionChunk",
    "Choice",
    "ChoiceDelta",
    "ChoiceDeltaFunctionCall",
    "ChoiceDeltaToolCall",
    "ChoiceDeltaToolCallFunction",
    "ChoiceLogprobs",
    "UsageBreakdown",
    "UsageBreakdownModel",
    "XGroq",
    "XGroqDebug",
]


class ChoiceDeltaFunctionCall(BaseModel):
    arguments: str | None = None
    name: str | None = None


class ChoiceDeltaToolCallFunction(BaseModel):
    arguments: str | None = None
    name: str | None = None


class ChoiceDeltaToolCall(BaseModel):
    """A part of a tool call; parts with the same `index` belong together."""

    index: int
    id: str | None = None
    function: ChoiceDeltaToolCallFunction | None = None
    type: Literal["function"] | None = None


class ChoiceDelta(BaseModel):
    """What this event adds to the message; mostly `content`."""

    content: str | None = None
    annotations: list[Annotation] | None = None
    function_call: ChoiceDeltaFunctionCall | None = None
    reasoning: str | None = None
    role: Literal["system", "user", "assistant", "tool"] | None = None
    tool_calls: list[ChoiceDeltaToolCall] | None = None
    executed_tools: list[ExecutedTool] | None = None


class ChoiceLogprobs(BaseModel):
    content: list[ChatCompletionTokenLogprob] | None = None


class UsageBreakdownModel(BaseModel):
    model: str
    usage: CompletionUsage


class UsageBreakdown(BaseModel):
    models: list[UsageBreakdownModel]


class XGroqDebug(BaseModel):
    input_token_ids: list[int] | None = None
    input_tokens: list[str] | None = None
    output_token_ids: list[int] | None = None
    output_tokens: list[str] | None = None


class Choice(BaseModel):
    delta: ChoiceDelta
    finish_reason: (
        Literal["stop", "length", "tool_calls", "content_filter", "function_call"] | None
    ) = None
    index: int
    logprobs: ChoiceLogprobs | None = None


class XGroq(BaseModel):
    """On the first event: ids. On the last: `usage`, or in `error` why it ended early."""

    id: str | None = None
    debug: XGroqDebug | None = None
    seed: int | None = None
    usage: CompletionUsage | None = None
    usage_breakdown: UsageBreakdown | None = None
    error: str | None = None


class ChatCompletionChunk(BaseModel):
    """`choices` is empty on the extra event that `stream_options.include_usage` asks for."""

    id: str
    choices: list[Choice]
    created: int
    model: str
    object: Literal["chat.completion.chunk"]
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    x_groq: XGroq | None = None
