"""A chat completion whose text, or tool arguments, have been read as the type asked for."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar, cast

from ..._models import BaseModel
from .chat_completion import ChatCompletion, Choice
from .chat_completion_message import ChatCompletionMessage
from .chat_completion_message_tool_call import ChatCompletionMessageToolCall, Function

__all__ = [
    "ParsedChatCompletion",
    "ParsedChatCompletionMessage",
    "ParsedChoice",
    "ParsedFunction",
    "ParsedFunctionToolCall",
]

T = TypeVar("T")

# Parsed values are no pydantic fields: a field of an unknown type would make every dump of the
# completion warn, and appear in requests when the message is sent back.
_PARSED = "__parsed__"


class ParsedFunction(Function):
    @property
    def parsed_arguments(self) -> Any:
        """The arguments as the type that the tool was given as; None for other tools."""
        return self.__dict__.get(_PARSED)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        yield from super().__repr_args__()
        yield "parsed_arguments", self.parsed_arguments


class ParsedFunctionToolCall(ChatCompletionMessageToolCall):
    function: ParsedFunction


class ParsedChatCompletionMessage(ChatCompletionMessage, Generic[T]):
    tool_calls: list[ParsedFunctionToolCall] | None = None  # type: ignore[assignment]  # narrower

    @property
    def parsed(self) -> T | None:
        """The content as the type asked for; None if there is no content (a tool call)."""
        return cast("T | None", self.__dict__.get(_PARSED))

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        yield from super().__repr_args__()
        yield "parsed", self.parsed


class ParsedChoice(Choice, Generic[T]):
    message: ParsedChatCompletionMessage[T]


class ParsedChatCompletion(ChatCompletion, Generic[T]):
    choices: list[ParsedChoice[T]]  # type: ignore[assignment]  # narrower

    @property
    def parsed(self) -> T | None:
        """The first choice, as the type asked for."""
        return self.choices[0].message.parsed if self.choices else None


def attach_parsed(model: BaseModel, value: object) -> None:
    """Set what `parsed` or `parsed_arguments` returns."""
    model.__dict__[_PARSED] = value
