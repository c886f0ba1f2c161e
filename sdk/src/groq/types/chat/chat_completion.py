"""The answer to a chat completion request."""

from typing import Any, Literal

from ..._models import BaseModel
from ..completion_usage import CompletionUsage
from .chat_completion_message import ChatCompletionMessage
from .chat_completion_token_logprob import ChatCompletionTokenLogprob

__all__ = [
    "ChatCompletion",
    "Choice",
    "ChoiceLogprobs",
    "McpListTool",
    "McpListToolTool",
    "UsageBreakdown",
    "UsageBreakdownModel",
    "XGroq",
    "XGroqDebug",
    "XGroqUsage",
]


class ChoiceLogprobs(BaseModel):
    content: list[ChatCompletionTokenLogprob] | None = None


class Choice(BaseModel):
    """One of the answers. `finish_reason` "length" means that the token limit cut it off."""

    finish_reason: Literal["stop", "length", "tool_calls", "function_call"]
    index: int
    logprobs: ChoiceLogprobs | None = None
    message: ChatCompletionMessage


class McpListToolTool(BaseModel):
    annotations: Any = None
    description: str | None = None
    input_schema: dict[str, object] | None = None
    name: str | None = None


class McpListTool(BaseModel):
    id: str | None = None
    server_label: str | None = None
    tools: list[McpListToolTool] | None = None
    type: str | None = None


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


class XGroqUsage(BaseModel):
    dram_cached_tokens: int | None = None
    sram_cached_tokens: int | None = None


class XGroq(BaseModel):
    """What this API adds to the usual answer; `id` is the request id."""

    id: str
    debug: XGroqDebug | None = None
    seed: int | None = None
    usage: XGroqUsage | None = None


class ChatCompletion(BaseModel):
    id: str
    choices: list[Choice]
    created: int
    model: str
    object: Literal["chat.completion"]
    mcp_list_tools: list[McpListTool] | None = None
    service_tier: Literal["auto", "on_demand", "flex", "performance"] | None = None
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    usage_breakdown: UsageBreakdown | None = None
    x_groq: XGroq | None = None
