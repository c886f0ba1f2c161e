"""A finished completion, read as the types that were asked for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._exceptions import ContentFilterFinishReasonError, LengthFinishReasonError
from ._models import BaseModel
from ._structured import parse_text
from .types.chat.parsed_chat_completion import (
    ParsedChatCompletion,
    ParsedChatCompletionMessage,
    ParsedChoice,
    ParsedFunction,
    ParsedFunctionToolCall,
    attach_parsed,
)

if TYPE_CHECKING:
    from .types.chat.chat_completion import ChatCompletion


def parse_completion(
    completion: ChatCompletion, response_type: Any, tool_types: dict[str, Any]
) -> ParsedChatCompletion[Any]:
    """Read every choice; `response_type` None leaves the content as text.

    Raises:
        LengthFinishReasonError: a choice was cut off by the token limit. A server that says
            `x_groq.json_completed` has closed the document in time, and it is read like any other.
        ContentFilterFinishReasonError: a choice was withheld.
        OutputParseError: a content, or the arguments of a call, is not what was asked for.
    """
    choices = []
    for choice in completion.choices:
        if response_type is not None or tool_types:
            _refuse_incomplete(completion, choice.finish_reason)
        message = _recast(ParsedChatCompletionMessage, choice.message)
        if response_type is not None and message.content and not message.tool_calls:
            attach_parsed(message, parse_text(response_type, message.content))
        if message.tool_calls:
            calls = [_parse_call(call, tool_types) for call in message.tool_calls]
            message.__dict__["tool_calls"] = calls
        parsed_choice = _recast(ParsedChoice, choice)
        parsed_choice.__dict__["message"] = message
        choices.append(parsed_choice)
    parsed: ParsedChatCompletion[Any] = _recast(ParsedChatCompletion, completion)
    parsed.__dict__["choices"] = choices
    return parsed


def _refuse_incomplete(completion: ChatCompletion, finish_reason: str) -> None:
    is_whole = getattr(completion.x_groq, "json_completed", None) is True
    if finish_reason == "length" and not is_whole:
        raise LengthFinishReasonError(completion=completion)
    if finish_reason == "content_filter":
        raise ContentFilterFinishReasonError


def _parse_call(call: Any, tool_types: dict[str, Any]) -> ParsedFunctionToolCall:
    parsed: ParsedFunctionToolCall = _recast(ParsedFunctionToolCall, call)
    if getattr(call, "function", None) is not None:
        function = _recast(ParsedFunction, call.function)
        type_ = tool_types.get(call.function.name)
        if type_ is not None:
            attach_parsed(function, parse_text(type_, call.function.arguments))
        parsed.__dict__["function"] = function
    return parsed


def _recast(cls: Any, model: BaseModel) -> Any:
    """The same fields as an object of a subclass; nothing is validated or copied deeply."""
    twin = cls.__new__(cls)
    object.__setattr__(twin, "__dict__", dict(model.__dict__))
    object.__setattr__(twin, "__pydantic_fields_set__", set(model.model_fields_set))
    object.__setattr__(twin, "__pydantic_extra__", dict(model.__pydantic_extra__ or {}))
    object.__setattr__(twin, "__pydantic_private__", None)
    return twin
