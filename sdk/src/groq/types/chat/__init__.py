"""Types of chat completions. Every name is loaded on first touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import lazy_exports

if TYPE_CHECKING:
    from .chat_completion import ChatCompletion
    from .chat_completion_assistant_message_param import ChatCompletionAssistantMessageParam
    from .chat_completion_chunk import ChatCompletionChunk
    from .chat_completion_content_part_image_param import ChatCompletionContentPartImageParam
    from .chat_completion_content_part_param import ChatCompletionContentPartParam
    from .chat_completion_content_part_text_param import ChatCompletionContentPartTextParam
    from .chat_completion_function_call_option_param import ChatCompletionFunctionCallOptionParam
    from .chat_completion_function_message_param import ChatCompletionFunctionMessageParam
    from .chat_completion_message import ChatCompletionMessage
    from .chat_completion_message_param import ChatCompletionMessageParam
    from .chat_completion_message_tool_call import ChatCompletionMessageToolCall
    from .chat_completion_message_tool_call_param import ChatCompletionMessageToolCallParam
    from .chat_completion_named_tool_choice_param import ChatCompletionNamedToolChoiceParam
    from .chat_completion_role import ChatCompletionRole
    from .chat_completion_system_message_param import ChatCompletionSystemMessageParam
    from .chat_completion_token_logprob import ChatCompletionTokenLogprob
    from .chat_completion_tool_choice_option_param import ChatCompletionToolChoiceOptionParam
    from .chat_completion_tool_message_param import ChatCompletionToolMessageParam
    from .chat_completion_tool_param import ChatCompletionToolParam
    from .chat_completion_user_message_param import ChatCompletionUserMessageParam
    from .completion_create_params import CompletionCreateParams
    from .parsed_chat_completion import (
        ParsedChatCompletion,
        ParsedChatCompletionMessage,
        ParsedChoice,
        ParsedFunction,
        ParsedFunctionToolCall,
    )

_EXPORTS = {
    "ParsedChatCompletion": "parsed_chat_completion",
    "ParsedChatCompletionMessage": "parsed_chat_completion",
    "ParsedChoice": "parsed_chat_completion",
    "ParsedFunction": "parsed_chat_completion",
    "ParsedFunctionToolCall": "parsed_chat_completion",
    "parsed_chat_completion": "",
    "ChatCompletion": "chat_completion",
    "ChatCompletionAssistantMessageParam": "chat_completion_assistant_message_param",
    "ChatCompletionChunk": "chat_completion_chunk",
    "ChatCompletionContentPartImageParam": "chat_completion_content_part_image_param",
    "ChatCompletionContentPartParam": "chat_completion_content_part_param",
    "ChatCompletionContentPartTextParam": "chat_completion_content_part_text_param",
    "ChatCompletionFunctionCallOptionParam": "chat_completion_function_call_option_param",
    "ChatCompletionFunctionMessageParam": "chat_completion_function_message_param",
    "ChatCompletionMessage": "chat_completion_message",
    "ChatCompletionMessageParam": "chat_completion_message_param",
    "ChatCompletionMessageToolCall": "chat_completion_message_tool_call",
    "ChatCompletionMessageToolCallParam": "chat_completion_message_tool_call_param",
    "ChatCompletionNamedToolChoiceParam": "chat_completion_named_tool_choice_param",
    "ChatCompletionRole": "chat_completion_role",
    "ChatCompletionSystemMessageParam": "chat_completion_system_message_param",
    "ChatCompletionTokenLogprob": "chat_completion_token_logprob",
    "ChatCompletionToolChoiceOptionParam": "chat_completion_tool_choice_option_param",
    "ChatCompletionToolMessageParam": "chat_completion_tool_message_param",
    "ChatCompletionToolParam": "chat_completion_tool_param",
    "ChatCompletionUserMessageParam": "chat_completion_user_message_param",
    "CompletionCreateParams": "completion_create_params",
    "chat_completion": "",
    "chat_completion_assistant_message_param": "",
    "chat_completion_chunk": "",
    "chat_completion_content_part_image_param": "",
    "chat_completion_content_part_param": "",
    "chat_completion_content_part_text_param": "",
    "chat_completion_function_call_option_param": "",
    "chat_completion_function_message_param": "",
    "chat_completion_message": "",
    "chat_completion_message_param": "",
    "chat_completion_message_tool_call": "",
    "chat_completion_message_tool_call_param": "",
    "chat_completion_named_tool_choice_param": "",
    "chat_completion_role": "",
    "chat_completion_system_message_param": "",
    "chat_completion_token_logprob": "",
    "chat_completion_tool_choice_option_param": "",
    "chat_completion_tool_message_param": "",
    "chat_completion_tool_param": "",
    "chat_completion_user_message_param": "",
    "completion_create_params": "",
}

if not TYPE_CHECKING:  # for a checker the names are those imported above
    __getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)

__all__ = [
    "ChatCompletion",
    "ChatCompletionAssistantMessageParam",
    "ChatCompletionChunk",
    "ChatCompletionContentPartImageParam",
    "ChatCompletionContentPartParam",
    "ChatCompletionContentPartTextParam",
    "ChatCompletionFunctionCallOptionParam",
    "ChatCompletionFunctionMessageParam",
    "ChatCompletionMessage",
    "ChatCompletionMessageParam",
    "ChatCompletionMessageToolCall",
    "ChatCompletionMessageToolCallParam",
    "ChatCompletionNamedToolChoiceParam",
    "ChatCompletionRole",
    "ChatCompletionSystemMessageParam",
    "ChatCompletionTokenLogprob",
    "ChatCompletionToolChoiceOptionParam",
    "ChatCompletionToolMessageParam",
    "ChatCompletionToolParam",
    "ChatCompletionUserMessageParam",
    "CompletionCreateParams",
    "ParsedChatCompletion",
    "ParsedChatCompletionMessage",
    "ParsedChoice",
    "ParsedFunction",
    "ParsedFunctionToolCall",
]
