"""`chat.completions`: the operation that everything else is there for.

`create` is written out once per client, so that editors and `inspect.signature` show every
parameter; the overloads only say what `stream` makes of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    Required,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from httpx import Timeout

from ..._base_client import make_request_options
from ..._decode import LazyType
from ..._formats import (
    new_async_stream_manager,
    new_stream_manager,
    read_completion,
    to_response_format,
    to_tools,
)
from ..._resource import AsyncAPIResource, SyncAPIResource
from ..._response import (
    async_to_raw_response_wrapper,
    async_to_streamed_response_wrapper,
    to_raw_response_wrapper,
    to_streamed_response_wrapper,
)
from ..._streaming import AsyncStream, Stream
from ..._types import NOT_GIVEN, Body, Headers, NotGiven, Omit, Query, SequenceNotStr

if TYPE_CHECKING:
    from ..._chat_stream import AsyncChatCompletionStreamManager, ChatCompletionStreamManager
    from ...types.chat import completion_create_params
    from ...types.chat.chat_completion import ChatCompletion
    from ...types.chat.chat_completion_chunk import ChatCompletionChunk
    from ...types.chat.chat_completion_message import ChatCompletionMessage
    from ...types.chat.chat_completion_message_param import ChatCompletionMessageParam
    from ...types.chat.chat_completion_tool_choice_option_param import (
        ChatCompletionToolChoiceOptionParam,
    )
    from ...types.chat.chat_completion_tool_param import ChatCompletionToolParam
    from ...types.chat.parsed_chat_completion import ParsedChatCompletion

__all__ = ["AsyncCompletions", "Completions"]

T = TypeVar("T")

_PATH = "/openai/v1/chat/completions"
_COMPLETION = LazyType("groq.types.chat.chat_completion", "ChatCompletion")
_CHUNK = LazyType("groq.types.chat.chat_completion_chunk", "ChatCompletionChunk")


class _CommonParams(TypedDict, total=False):
    messages: Required[Iterable[ChatCompletionMessageParam | ChatCompletionMessage]]
    model: Required[str]
    citation_options: Literal["enabled", "disabled"] | None | Omit
    compound_custom: completion_create_params.CompoundCustom | None | Omit
    disable_tool_validation: bool | None | Omit
    documents: Iterable[completion_create_params.Document] | None | Omit
    exclude_domains: SequenceNotStr[str] | None | Omit
    frequency_penalty: float | None | Omit
    function_call: completion_create_params.FunctionCall | None | Omit
    functions: Iterable[completion_create_params.Function] | None | Omit
    include_domains: SequenceNotStr[str] | None | Omit
    include_reasoning: bool | None | Omit
    logit_bias: dict[str, int] | None | Omit
    logprobs: bool | None | Omit
    max_completion_tokens: int | None | Omit
    max_tokens: int | None | Omit
    metadata: dict[str, str] | None | Omit
    n: int | None | Omit
    parallel_tool_calls: bool | None | Omit
    presence_penalty: float | None | Omit
    reasoning_effort: Literal["none", "default", "low", "medium", "high"] | None | Omit
    reasoning_format: Literal["hidden", "raw", "parsed"] | None | Omit
    search_settings: completion_create_params.SearchSettings | None | Omit
    seed: int | None | Omit
    service_tier: Literal["auto", "on_demand", "flex", "performance"] | None | Omit
    stop: str | SequenceNotStr[str] | None | Omit
    store: bool | None | Omit
    stream_options: completion_create_params.StreamOptions | None | Omit
    temperature: float | None | Omit
    tool_choice: ChatCompletionToolChoiceOptionParam | None | Omit
    top_logprobs: int | None | Omit
    top_p: float | None | Omit
    user: str | None | Omit


class CompletionParamsOrOmit(_CommonParams, total=False):
    """The keywords of `create` but `stream`; each may be left out by `omit` or `NOT_GIVEN`."""

    response_format: completion_create_params.ResponseFormat | type[Any] | None | Omit
    tools: Iterable[ChatCompletionToolParam] | None | Omit


class HelperParams(_CommonParams, total=False):
    """The keywords of `parse` and `stream`; a tool may be a type, too."""

    tools: Iterable[ChatCompletionToolParam | type[Any]] | None | Omit
    extra_headers: Headers | None
    extra_query: Query | None
    extra_body: Body | None
    timeout: float | Timeout | None | NotGiven


class Completions(SyncAPIResource):
    """`client.chat.completions`."""

    @cached_property
    def with_raw_response(self) -> CompletionsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return CompletionsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> CompletionsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return CompletionsWithStreamingResponse(self)

    @overload
    def create(
        self,
        *,
        stream: Literal[False] | None | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
        **params: Unpack[CompletionParamsOrOmit],
    ) -> ChatCompletion: ...

    @overload
    def create(
        self,
        *,
        stream: Literal[True],
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
        **params: Unpack[CompletionParamsOrOmit],
    ) -> Stream[ChatCompletionChunk]: ...

    @overload
    def create(
        self,
        *,
        stream: bool,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
        **params: Unpack[CompletionParamsOrOmit],
    ) -> ChatCompletion | Stream[ChatCompletionChunk]: ...

    def create(
        self,
        *,
        messages: Iterable[ChatCompletionMessageParam | ChatCompletionMessage],
        model: str,
        citation_options: Literal["enabled", "disabled"] | None | Omit = NOT_GIVEN,
        compound_custom: completion_create_params.CompoundCustom | None | Omit = NOT_GIVEN,
        disable_tool_validation: bool | None | Omit = NOT_GIVEN,
        documents: Iterable[completion_create_params.Document] | None | Omit = NOT_GIVEN,
        exclude_domains: SequenceNotStr[str] | None | Omit = NOT_GIVEN,
        frequency_penalty: float | None | Omit = NOT_GIVEN,
        function_call: completion_create_params.FunctionCall | None | Omit = NOT_GIVEN,
        functions: Iterable[completion_create_params.Function] | None | Omit = NOT_GIVEN,
        include_domains: SequenceNotStr[str] | None | Omit = NOT_GIVEN,
        include_reasoning: bool | None | Omit = NOT_GIVEN,
        logit_bias: dict[str, int] | None | Omit = NOT_GIVEN,
        logprobs: bool | None | Omit = NOT_GIVEN,
        max_completion_tokens: int | None | Omit = NOT_GIVEN,
        max_tokens: int | None | Omit = NOT_GIVEN,
        metadata: dict[str, str] | None | Omit = NOT_GIVEN,
        n: int | None | Omit = NOT_GIVEN,
        parallel_tool_calls: bool | None | Omit = NOT_GIVEN,
        presence_penalty: float | None | Omit = NOT_GIVEN,
        reasoning_effort: Literal["none", "default", "low", "medium", "high"]
        | None
        | Omit = NOT_GIVEN,
        reasoning_format: Literal["hidden", "raw", "parsed"] | None | Omit = NOT_GIVEN,
        response_format: completion_create_params.ResponseFormat
        | type[Any]
        | None
        | Omit = NOT_GIVEN,
        search_settings: completion_create_params.SearchSettings | None | Omit = NOT_GIVEN,
        seed: int | None | Omit = NOT_GIVEN,
        service_tier: Literal["auto", "on_demand", "flex", "performance"] | None | Omit = NOT_GIVEN,
        stop: str | SequenceNotStr[str] | None | Omit = NOT_GIVEN,
        store: bool | None | Omit = NOT_GIVEN,
        stream: bool | None | Omit = NOT_GIVEN,
        stream_options: completion_create_params.StreamOptions | None | Omit = NOT_GIVEN,
        temperature: float | None | Omit = NOT_GIVEN,
        tool_choice: ChatCompletionToolChoiceOptionParam | None | Omit = NOT_GIVEN,
        tools: Iterable[ChatCompletionToolParam] | None | Omit = NOT_GIVEN,
        top_logprobs: int | None | Omit = NOT_GIVEN,
        top_p: float | None | Omit = NOT_GIVEN,
        user: str | None | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> ChatCompletion | Stream[ChatCompletionChunk]:
        """Ask for a completion of `messages`.

        Returns a ChatCompletion, or with `stream=True` a Stream of its parts. A parameter that is
        not given is not sent; None is sent as null. What each parameter means, and its range, is
        in the API reference; three things are this client's own:

        Args:
            response_format: may be a class (pydantic, dataclass, TypedDict): its strict JSON
                Schema is sent. The answer stays text; `parse` returns an instance instead.
            extra_body: merged over the body, and wins over the named parameters.
            timeout: seconds for each wait, or a `groq.Timeout` with deadlines; None is no limit.

        Raises:
            APIStatusError: the API refused; the subclass tells the status.
            APIConnectionError, APITimeoutError: no answer, after all retries.
        """
        return self._post(  # type: ignore[no-any-return]  # the types are named lazily
            _PATH,
            body={
                "messages": messages,
                "model": model,
                "citation_options": citation_options,
                "compound_custom": compound_custom,
                "disable_tool_validation": disable_tool_validation,
                "documents": documents,
                "exclude_domains": exclude_domains,
                "frequency_penalty": frequency_penalty,
                "function_call": function_call,
                "functions": functions,
                "include_domains": include_domains,
                "include_reasoning": include_reasoning,
                "logit_bias": logit_bias,
                "logprobs": logprobs,
                "max_completion_tokens": max_completion_tokens,
                "max_tokens": max_tokens,
                "metadata": metadata,
                "n": n,
                "parallel_tool_calls": parallel_tool_calls,
                "presence_penalty": presence_penalty,
                "reasoning_effort": reasoning_effort,
                "reasoning_format": reasoning_format,
                "response_format": to_response_format(response_format),
                "search_settings": search_settings,
                "seed": seed,
                "service_tier": service_tier,
                "stop": stop,
                "store": store,
                "stream": stream,
                "stream_options": stream_options,
                "temperature": temperature,
                "tool_choice": tool_choice,
                "tools": to_tools(tools),
                "top_logprobs": top_logprobs,
                "top_p": top_p,
                "user": user,
            },
            options=make_request_options(
                extra_headers=extra_headers,
                extra_query=extra_query,
                extra_body=extra_body,
                timeout=timeout,
            ),
            cast_to=_COMPLETION,
            stream=bool(stream),
            stream_cls=Stream,
            chunk_type=_CHUNK if stream else None,
        )

    @overload
    def parse(
        self, *, response_format: type[T], **params: Unpack[HelperParams]
    ) -> ParsedChatCompletion[T]: ...

    @overload
    def parse(
        self,
        *,
        response_format: Mapping[str, Any] | Omit | None = NOT_GIVEN,
        **params: Unpack[HelperParams],
    ) -> ParsedChatCompletion[Any]: ...

    def parse(
        self, *, response_format: Any = NOT_GIVEN, **params: Unpack[HelperParams]
    ) -> ParsedChatCompletion[Any]:
        """Ask for a completion in the shape of `response_format`, and read it as that.

        Args:
            response_format: a pydantic model, dataclass or TypedDict, or a JSON Schema (which
                gives plain data). It is sent as a strict schema.
            tools: functions as usual, or types, whose schema is sent and as which the arguments
                are read.

        Returns:
            The completion, with `choices[i].message.parsed` (and `.parsed` for the first), and
            `tool_calls[j].function.parsed_arguments`.

        Raises:
            LengthFinishReasonError: the token limit cut the answer off.
            OutputParseError: the answer is not of that shape.
        """
        options = cast("dict[str, Any]", params)
        tools = list(options.pop("tools", None) or ())
        completion: ChatCompletion = self.create(
            stream=False,
            response_format=response_format,
            tools=cast("Any", tools or NOT_GIVEN),
            **options,
        )
        return read_completion(completion, response_format, tools)

    @overload
    def stream(
        self,
        *,
        response_format: type[T],
        require_complete: bool = False,
        **params: Unpack[HelperParams],
    ) -> ChatCompletionStreamManager[T]: ...

    @overload
    def stream(
        self,
        *,
        response_format: Mapping[str, Any] | Omit | None = NOT_GIVEN,
        require_complete: bool = False,
        **params: Unpack[HelperParams],
    ) -> ChatCompletionStreamManager[Any]: ...

    def stream(
        self,
        *,
        response_format: Any = NOT_GIVEN,
        require_complete: bool = False,
        **params: Unpack[HelperParams],
    ) -> ChatCompletionStreamManager[Any]:
        """Stream a completion as events, folded into a whole completion on the way.

        A context manager; `response_format` and `tools` are those of `parse`. With
        `require_complete` a stream that ends early raises IncompleteStreamError.

            with client.chat.completions.stream(model=..., messages=...) as stream:
                for event in stream:
                    if event.type == "content.delta":
                        print(event.delta, end="")
                completion = stream.get_final_completion()
        """
        options = cast("dict[str, Any]", params)
        tools = list(options.pop("tools", None) or ())

        def open_stream() -> Stream[ChatCompletionChunk]:
            stream: Stream[ChatCompletionChunk] = self.create(
                stream=True,
                response_format=response_format,
                tools=cast("Any", tools or NOT_GIVEN),
                **options,
            )
            return stream.require_complete() if require_complete else stream

        return new_stream_manager(open_stream, response_format, tools)


class AsyncCompletions(AsyncAPIResource):
    """`client.chat.completions`, asynchronous."""

    @cached_property
    def with_raw_response(self) -> AsyncCompletionsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return AsyncCompletionsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> AsyncCompletionsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return AsyncCompletionsWithStreamingResponse(self)

    @overload
    async def create(
        self,
        *,
        stream: Literal[False] | None | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
        **params: Unpack[CompletionParamsOrOmit],
    ) -> ChatCompletion: ...

    @overload
    async def create(
        self,
        *,
        stream: Literal[True],
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
        **params: Unpack[CompletionParamsOrOmit],
    ) -> AsyncStream[ChatCompletionChunk]: ...

    @overload
    async def create(
        self,
        *,
        stream: bool,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
        **params: Unpack[CompletionParamsOrOmit],
    ) -> ChatCompletion | AsyncStream[ChatCompletionChunk]: ...

    async def create(
        self,
        *,
        messages: Iterable[ChatCompletionMessageParam | ChatCompletionMessage],
        model: str,
        citation_options: Literal["enabled", "disabled"] | None | Omit = NOT_GIVEN,
        compound_custom: completion_create_params.CompoundCustom | None | Omit = NOT_GIVEN,
        disable_tool_validation: bool | None | Omit = NOT_GIVEN,
        documents: Iterable[completion_create_params.Document] | None | Omit = NOT_GIVEN,
        exclude_domains: SequenceNotStr[str] | None | Omit = NOT_GIVEN,
        frequency_penalty: float | None | Omit = NOT_GIVEN,
        function_call: completion_create_params.FunctionCall | None | Omit = NOT_GIVEN,
        functions: Iterable[completion_create_params.Function] | None | Omit = NOT_GIVEN,
        include_domains: SequenceNotStr[str] | None | Omit = NOT_GIVEN,
        include_reasoning: bool | None | Omit = NOT_GIVEN,
        logit_bias: dict[str, int] | None | Omit = NOT_GIVEN,
        logprobs: bool | None | Omit = NOT_GIVEN,
        max_completion_tokens: int | None | Omit = NOT_GIVEN,
        max_tokens: int | None | Omit = NOT_GIVEN,
        metadata: dict[str, str] | None | Omit = NOT_GIVEN,
        n: int | None | Omit = NOT_GIVEN,
        parallel_tool_calls: bool | None | Omit = NOT_GIVEN,
        presence_penalty: float | None | Omit = NOT_GIVEN,
        reasoning_effort: Literal["none", "default", "low", "medium", "high"]
        | None
        | Omit = NOT_GIVEN,
        reasoning_format: Literal["hidden", "raw", "parsed"] | None | Omit = NOT_GIVEN,
        response_format: completion_create_params.ResponseFormat
        | type[Any]
        | None
        | Omit = NOT_GIVEN,
        search_settings: completion_create_params.SearchSettings | None | Omit = NOT_GIVEN,
        seed: int | None | Omit = NOT_GIVEN,
        service_tier: Literal["auto", "on_demand", "flex", "performance"] | None | Omit = NOT_GIVEN,
        stop: str | SequenceNotStr[str] | None | Omit = NOT_GIVEN,
        store: bool | None | Omit = NOT_GIVEN,
        stream: bool | None | Omit = NOT_GIVEN,
        stream_options: completion_create_params.StreamOptions | None | Omit = NOT_GIVEN,
        temperature: float | None | Omit = NOT_GIVEN,
        tool_choice: ChatCompletionToolChoiceOptionParam | None | Omit = NOT_GIVEN,
        tools: Iterable[ChatCompletionToolParam] | None | Omit = NOT_GIVEN,
        top_logprobs: int | None | Omit = NOT_GIVEN,
        top_p: float | None | Omit = NOT_GIVEN,
        user: str | None | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> ChatCompletion | AsyncStream[ChatCompletionChunk]:
        """Ask for a completion of `messages`; see `Completions.create`, whose arguments these are."""
        return await self._post(  # type: ignore[no-any-return]  # the types are named lazily
            _PATH,
            body={
                "messages": messages,
                "model": model,
                "citation_options": citation_options,
                "compound_custom": compound_custom,
                "disable_tool_validation": disable_tool_validation,
                "documents": documents,
                "exclude_domains": exclude_domains,
                "frequency_penalty": frequency_penalty,
                "function_call": function_call,
                "functions": functions,
                "include_domains": include_domains,
                "include_reasoning": include_reasoning,
                "logit_bias": logit_bias,
                "logprobs": logprobs,
                "max_completion_tokens": max_completion_tokens,
                "max_tokens": max_tokens,
                "metadata": metadata,
                "n": n,
                "parallel_tool_calls": parallel_tool_calls,
                "presence_penalty": presence_penalty,
                "reasoning_effort": reasoning_effort,
                "reasoning_format": reasoning_format,
                "response_format": to_response_format(response_format),
                "search_settings": search_settings,
                "seed": seed,
                "service_tier": service_tier,
                "stop": stop,
                "store": store,
                "stream": stream,
                "stream_options": stream_options,
                "temperature": temperature,
                "tool_choice": tool_choice,
                "tools": to_tools(tools),
                "top_logprobs": top_logprobs,
                "top_p": top_p,
                "user": user,
            },
            options=make_request_options(
                extra_headers=extra_headers,
                extra_query=extra_query,
                extra_body=extra_body,
                timeout=timeout,
            ),
            cast_to=_COMPLETION,
            stream=bool(stream),
            stream_cls=AsyncStream,
            chunk_type=_CHUNK if stream else None,
        )

    @overload
    async def parse(
        self, *, response_format: type[T], **params: Unpack[HelperParams]
    ) -> ParsedChatCompletion[T]: ...

    @overload
    async def parse(
        self,
        *,
        response_format: Mapping[str, Any] | Omit | None = NOT_GIVEN,
        **params: Unpack[HelperParams],
    ) -> ParsedChatCompletion[Any]: ...

    async def parse(
        self, *, response_format: Any = NOT_GIVEN, **params: Unpack[HelperParams]
    ) -> ParsedChatCompletion[Any]:
        """Ask for a completion in the shape of `response_format`, and read it as that; see `Completions.parse`."""
        options = cast("dict[str, Any]", params)
        tools = list(options.pop("tools", None) or ())
        completion: ChatCompletion = await self.create(
            stream=False,
            response_format=response_format,
            tools=cast("Any", tools or NOT_GIVEN),
            **options,
        )
        return read_completion(completion, response_format, tools)

    @overload
    def stream(
        self,
        *,
        response_format: type[T],
        require_complete: bool = False,
        **params: Unpack[HelperParams],
    ) -> AsyncChatCompletionStreamManager[T]: ...

    @overload
    def stream(
        self,
        *,
        response_format: Mapping[str, Any] | Omit | None = NOT_GIVEN,
        require_complete: bool = False,
        **params: Unpack[HelperParams],
    ) -> AsyncChatCompletionStreamManager[Any]: ...

    def stream(
        self,
        *,
        response_format: Any = NOT_GIVEN,
        require_complete: bool = False,
        **params: Unpack[HelperParams],
    ) -> AsyncChatCompletionStreamManager[Any]:
        """Stream a completion as events; see `Completions.stream`."""
        options = cast("dict[str, Any]", params)
        tools = list(options.pop("tools", None) or ())

        async def open_stream() -> AsyncStream[ChatCompletionChunk]:
            stream: AsyncStream[ChatCompletionChunk] = await self.create(
                stream=True,
                response_format=response_format,
                tools=cast("Any", tools or NOT_GIVEN),
                **options,
            )
            return stream.require_complete() if require_complete else stream

        return new_async_stream_manager(open_stream, response_format, tools)


class CompletionsWithRawResponse:
    def __init__(self, completions: Completions) -> None:
        self._completions = completions
        self.create: Final = to_raw_response_wrapper(completions.create)


class CompletionsWithStreamingResponse:
    def __init__(self, completions: Completions) -> None:
        self._completions = completions
        self.create: Final = to_streamed_response_wrapper(completions.create)


class AsyncCompletionsWithRawResponse:
    def __init__(self, completions: AsyncCompletions) -> None:
        self._completions = completions
        self.create: Final = async_to_raw_response_wrapper(completions.create)


class AsyncCompletionsWithStreamingResponse:
    def __init__(self, completions: AsyncCompletions) -> None:
        self._completions = completions
        self.create: Final = async_to_streamed_response_wrapper(completions.create)
