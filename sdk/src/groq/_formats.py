"""Types in place of formats and tools: the door to `_structured`, opened only if one was given.

`create` passes every call through here; a call without types must not pay for pydantic before its
request has been written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from ._types import Omit

if TYPE_CHECKING:
    from ._chat_stream import AsyncChatCompletionStreamManager, ChatCompletionStreamManager
    from ._streaming import AsyncStream, Stream
    from .types.chat.chat_completion import ChatCompletion
    from .types.chat.chat_completion_chunk import ChatCompletionChunk
    from .types.chat.parsed_chat_completion import ParsedChatCompletion


def _is_ready(value: Any) -> bool:
    """Whether a `response_format` can be sent as it is."""
    return (
        value is None
        or isinstance(value, Omit)
        or (isinstance(value, dict) and value.get("type") in ("text", "json_object", "json_schema"))
    )


def to_response_format(value: Any) -> Any:
    """`response_format` for the wire; a type becomes its strict schema."""
    if _is_ready(value):
        return value
    from . import _structured

    return _structured.to_response_format(value)


def to_tools(tools: Iterable[Any] | Omit | None) -> Any:
    """`tools` for the wire; a type becomes a function."""
    if tools is None or isinstance(tools, Omit):
        return tools
    listed = list(tools)
    if all(isinstance(tool, dict) for tool in listed):
        return listed
    from . import _structured

    return [_structured.to_tool(tool) for tool in listed]


def _wanted(response_format: Any) -> Any:
    """What the content is to be read as: a type, or anything for "as JSON"; None for text."""
    if response_format is None or isinstance(response_format, Omit):
        return None
    if isinstance(response_format, dict) and response_format.get("type") == "text":
        return None
    return response_format


def read_completion(
    completion: ChatCompletion, response_format: Any, tools: list[Any]
) -> ParsedChatCompletion[Any]:
    from ._parsing import parse_completion
    from ._structured import tool_types

    return parse_completion(completion, _wanted(response_format), tool_types(tools))


def new_stream_manager(
    open_stream: Callable[[], Stream[ChatCompletionChunk]], response_format: Any, tools: list[Any]
) -> ChatCompletionStreamManager[Any]:
    from ._chat_stream import ChatCompletionStreamManager, EventTeller
    from ._structured import tool_types

    teller: EventTeller[Any] = EventTeller(_wanted(response_format), tool_types(tools))
    return ChatCompletionStreamManager(open_stream, teller)


def new_async_stream_manager(
    open_stream: Callable[[], Awaitable[AsyncStream[ChatCompletionChunk]]],
    response_format: Any,
    tools: list[Any],
) -> AsyncChatCompletionStreamManager[Any]:
    from ._chat_stream import AsyncChatCompletionStreamManager, EventTeller
    from ._structured import tool_types

    teller: EventTeller[Any] = EventTeller(_wanted(response_format), tool_types(tools))
    return AsyncChatCompletionStreamManager(open_stream, teller)
