"""Parameters of `chat.completions.create`. API reference: table 1.1 of the API contract."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Required, TypeAlias

from typing_extensions import TypedDict

from ..._types import SequenceNotStr
from ..shared_params.function_parameters import FunctionParameters
from .chat_completion_function_call_option_param import ChatCompletionFunctionCallOptionParam
from .chat_completion_message_param import ChatCompletionMessageParam
from .chat_completion_tool_choice_option_param import ChatCompletionToolChoiceOptionParam
from .chat_completion_tool_param import ChatCompletionToolParam

__all__ = [
    "CompletionCreateParams",
    "CompoundCustom",
    "CompoundCustomModels",
    "CompoundCustomTools",
    "CompoundCustomToolsWolframSettings",
    "Document",
    "DocumentSource",
    "DocumentSourceChatCompletionDocumentSourceJson",
    "DocumentSourceChatCompletionDocumentSourceText",
    "Function",
    "FunctionCall",
    "ResponseFormat",
    "ResponseFormatResponseFormatJsonObject",
    "ResponseFormatResponseFormatJsonSchema",
    "ResponseFormatResponseFormatJsonSchemaJsonSchema",
    "ResponseFormatResponseFormatText",
    "SearchSettings",
    "StreamOptions",
]


class CompoundCustomModels(TypedDict, total=False):
    answering_model: str | None
    reasoning_model: str | None


class CompoundCustomToolsWolframSettings(TypedDict, total=False):
    authorization: str | None


class CompoundCustomTools(TypedDict, total=False):
    enabled_tools: SequenceNotStr[str] | None
    wolfram_settings: CompoundCustomToolsWolframSettings | None


class CompoundCustom(TypedDict, total=False):
    models: CompoundCustomModels | None
    tools: CompoundCustomTools | None


class DocumentSourceChatCompletionDocumentSourceText(TypedDict, total=False):
    text: Required[str]
    type: Required[Literal["text"]]


class DocumentSourceChatCompletionDocumentSourceJson(TypedDict, total=False):
    data: Required[dict[str, object]]
    type: Required[Literal["json"]]


DocumentSource: TypeAlias = (
    DocumentSourceChatCompletionDocumentSourceText | DocumentSourceChatCompletionDocumentSourceJson
)


class Document(TypedDict, total=False):
    source: Required[DocumentSource]
    id: str | None


FunctionCall: TypeAlias = (
    Literal["none", "auto", "required"] | ChatCompletionFunctionCallOptionParam
)


class Function(TypedDict, total=False):
    """The older form of a tool."""

    name: Required[str]
    description: str
    parameters: FunctionParameters


class ResponseFormatResponseFormatText(TypedDict, total=False):
    type: Required[Literal["text"]]


class ResponseFormatResponseFormatJsonSchemaJsonSchema(TypedDict, total=False):
    """`strict` asks for constrained decoding: every object closed, every property required."""

    name: Required[str]
    description: str
    schema: dict[str, object]
    strict: bool | None


class ResponseFormatResponseFormatJsonSchema(TypedDict, total=False):
    json_schema: Required[ResponseFormatResponseFormatJsonSchemaJsonSchema]
    type: Required[Literal["json_schema"]]


class ResponseFormatResponseFormatJsonObject(TypedDict, total=False):
    type: Required[Literal["json_object"]]


ResponseFormat: TypeAlias = (
    ResponseFormatResponseFormatText
    | ResponseFormatResponseFormatJsonSchema
    | ResponseFormatResponseFormatJsonObject
)


class SearchSettings(TypedDict, total=False):
    country: str | None
    exclude_domains: SequenceNotStr[str] | None
    include_domains: SequenceNotStr[str] | None
    include_images: bool | None


class StreamOptions(TypedDict, total=False):
    """`include_usage` asks for one more event at the end, without choices, with `usage`."""

    include_usage: bool


class CompletionParams(TypedDict, total=False):
    """Everything but `stream`, which decides what `create` returns."""

    messages: Required[Iterable[ChatCompletionMessageParam]]
    model: Required[str]
    citation_options: Literal["enabled", "disabled"] | None
    compound_custom: CompoundCustom | None
    disable_tool_validation: bool | None
    documents: Iterable[Document] | None
    exclude_domains: SequenceNotStr[str] | None
    frequency_penalty: float | None
    function_call: FunctionCall | None
    functions: Iterable[Function] | None
    include_domains: SequenceNotStr[str] | None
    include_reasoning: bool | None
    logit_bias: dict[str, int] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    max_tokens: int | None
    metadata: dict[str, str] | None
    n: int | None
    parallel_tool_calls: bool | None
    presence_penalty: float | None
    reasoning_effort: Literal["none", "default", "low", "medium", "high"] | None
    reasoning_format: Literal["hidden", "raw", "parsed"] | None
    response_format: ResponseFormat | None
    search_settings: SearchSettings | None
    seed: int | None
    service_tier: Literal["auto", "on_demand", "flex", "performance"] | None
    stop: str | SequenceNotStr[str] | None
    store: bool | None
    stream_options: StreamOptions | None
    temperature: float | None
    tool_choice: ChatCompletionToolChoiceOptionParam | None
    tools: Iterable[ChatCompletionToolParam] | None
    top_logprobs: int | None
    top_p: float | None
    user: str | None


class CompletionCreateParams(CompletionParams, total=False):
    """All parameters of one request."""

    stream: bool | None
