"""An earlier answer, sent back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Required

from typing_extensions import TypedDict

from .chat_completion_content_part_text_param import ChatCompletionContentPartTextParam
from .chat_completion_message_tool_call_param import ChatCompletionMessageToolCallParam

__all__ = ["ChatCompletionAssistantMessageParam", "FunctionCall"]


class FunctionCall(TypedDict, total=False):
    arguments: str
    name: str


class ChatCompletionAssistantMessageParam(TypedDict, total=False):
    """`content` is needed unless there are `tool_calls` or a `function_call`."""

    role: Required[Literal["assistant"]]
    content: str | Iterable[ChatCompletionContentPartTextParam] | None
    function_call: FunctionCall
    name: str
    reasoning: str | None
    tool_calls: Iterable[ChatCompletionMessageToolCallParam]
