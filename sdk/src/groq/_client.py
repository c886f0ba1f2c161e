"""`Groq` and `AsyncGroq`: options, environment, and the way to the resources.

The only reader of `GROQ_API_KEY`, `GROQ_BASE_URL` and `GROQ_CUSTOM_HEADERS`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from ._base_client import DEFAULT_MAX_RETRIES, AsyncAPIClient, BaseClient, SyncAPIClient
from ._exceptions import GroqError
from ._logging import configure_from_environment
from ._request import parse_custom_headers
from ._retry import RetryPolicy
from ._streaming import AsyncStream, Stream
from ._types import NOT_GIVEN, Headers, NotGiven, Omit, RequestOptions, Transport
from ._version import __version__

if TYPE_CHECKING:
    from ._deadline import Timeout
    from .resources.audio.audio import (
        AsyncAudio,
        AsyncAudioWithRawResponse,
        AsyncAudioWithStreamingResponse,
        Audio,
        AudioWithRawResponse,
        AudioWithStreamingResponse,
    )
    from .resources.batches import (
        AsyncBatches,
        AsyncBatchesWithRawResponse,
        AsyncBatchesWithStreamingResponse,
        Batches,
        BatchesWithRawResponse,
        BatchesWithStreamingResponse,
    )
    from .resources.chat.chat import (
        AsyncChat,
        AsyncChatWithRawResponse,
        AsyncChatWithStreamingResponse,
        Chat,
        ChatWithRawResponse,
        ChatWithStreamingResponse,
    )
    from .resources.embeddings import (
        AsyncEmbeddings,
        AsyncEmbeddingsWithRawResponse,
        AsyncEmbeddingsWithStreamingResponse,
        Embeddings,
        EmbeddingsWithRawResponse,
        EmbeddingsWithStreamingResponse,
    )
    from .resources.files import (
        AsyncFiles,
        AsyncFilesWithRawResponse,
        AsyncFilesWithStreamingResponse,
        Files,
        FilesWithRawResponse,
        FilesWithStreamingResponse,
    )
    from .resources.models import (
        AsyncModels,
        AsyncModelsWithRawResponse,
        AsyncModelsWithStreamingResponse,
        Models,
        ModelsWithRawResponse,
        ModelsWithStreamingResponse,
    )

DEFAULT_BASE_URL = "https://api.groq.com"

_ClientT = TypeVar("_ClientT", bound="_GroqOptions")


class _GroqOptions(BaseClient):
    """The options that both clients share, and how a copy inherits them."""

    api_key: str

    def _resolve_key(self, api_key: str | None) -> None:
        if api_key is None:
            api_key = os.environ.get("GROQ_API_KEY")
        if api_key is None:
            raise GroqError(
                "The api_key client option must be set either by passing api_key to the client or"
                " by setting the GROQ_API_KEY environment variable"
            )
        self.api_key = api_key

    @property
    def auth_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    @property
    def user_agent(self) -> str:
        # The published client sends the class name; proxies and logs know these two.
        name = "AsyncGroq" if isinstance(self, AsyncAPIClient) else "Groq"
        return f"{name}/Python {self._version}"

    @property
    def default_headers(self) -> dict[str, str | Omit]:
        is_async = "async:asyncio" if isinstance(self, AsyncAPIClient) else "false"
        return {**super().default_headers, "X-Stainless-Async": is_async, **self._custom_headers}

    def _validate_headers(self, headers: Headers, custom_headers: Headers) -> None:
        key = self.api_key
        if key and key.isascii() and key.isprintable() and key == key.strip():
            return
        if "authorization" in {name.lower() for name in (*self._custom_headers, *custom_headers)}:
            return
        raise GroqError(
            "The API key is empty, or holds a character that no header can carry, such as the line"
            " end of the file it was read from."
        )

    def _copy_arguments(
        self,
        *,
        api_key: str | None,
        base_url: str | httpx.URL | None,
        timeout: float | httpx.Timeout | None | NotGiven,
        http_client: Any,
        max_retries: int | NotGiven,
        default_headers: Mapping[str, str] | None,
        set_default_headers: Mapping[str, str] | None,
        default_query: Mapping[str, object] | None,
        set_default_query: Mapping[str, object] | None,
        extra: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Constructor arguments of a copy: what is not given is inherited."""
        if default_headers is not None and set_default_headers is not None:
            raise ValueError(
                "The `default_headers` and `set_default_headers` arguments are mutually exclusive"
            )
        if default_query is not None and set_default_query is not None:
            raise ValueError(
                "The `default_query` and `set_default_query` arguments are mutually exclusive"
            )
        headers: Mapping[str, str] = {**self._custom_headers, **(default_headers or {})}
        query: Mapping[str, object] = {**self._custom_query, **(default_query or {})}
        return {
            "api_key": api_key or self.api_key,
            "base_url": base_url or self.base_url,
            "timeout": self.timeout if isinstance(timeout, NotGiven) else timeout,
            "http_client": http_client,
            "max_retries": self.max_retries if isinstance(max_retries, NotGiven) else max_retries,
            "default_headers": headers if set_default_headers is None else set_default_headers,
            "default_query": query if set_default_query is None else set_default_query,
            **extra,
        }


def _environment_headers() -> dict[str, str]:
    text = os.environ.get("GROQ_CUSTOM_HEADERS")
    return parse_custom_headers(text) if text else {}


def _base_url(base_url: str | httpx.URL | None) -> str | httpx.URL:
    if base_url is None:
        base_url = os.environ.get("GROQ_BASE_URL") or None
    return DEFAULT_BASE_URL if base_url is None else base_url


class Groq(_GroqOptions, SyncAPIClient[httpx.Client]):
    """The synchronous client.

    Thread-safe. Make one and keep it: it owns a connection pool. Closing it, or leaving it as a
    context manager, closes the pool, which copies made with `with_options` share.

    Args:
        api_key: the key; default is the environment variable GROQ_API_KEY.
        base_url: where the API is, with or without `/openai/v1`; default is GROQ_BASE_URL, then
            https://api.groq.com.
        timeout: seconds for each wait, a `Timeout` with deadlines, or None for no limit.
        max_retries: how often a call is repeated after a fault worth repeating it for.
        default_headers, default_query: sent with every request.
        http_client: your own `httpx.Client` (or httpx2's); it is used as it is.
        retry_policy: which faults are worth repeating, and when.

    Raises:
        GroqError: there is no key.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: float | Timeout | httpx.Timeout | None | NotGiven = NOT_GIVEN,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        http_client: httpx.Client | None = None,
        retry_policy: RetryPolicy | None = None,
        _strict_response_validation: bool = False,
    ) -> None:
        self._resolve_key(api_key)
        super().__init__(
            version=__version__,
            base_url=_base_url(base_url),
            max_retries=max_retries,
            timeout=timeout,
            http_client=http_client,
            custom_headers={**_environment_headers(), **(default_headers or {})},
            custom_query=default_query,
            _strict_response_validation=_strict_response_validation,
        )
        if retry_policy is not None:
            self.retry_policy = retry_policy
        self._default_stream_cls = Stream
        configure_from_environment()

    @cached_property
    def chat(self) -> Chat:
        from .resources.chat.chat import Chat

        return Chat(self)

    @cached_property
    def embeddings(self) -> Embeddings:
        from .resources.embeddings import Embeddings

        return Embeddings(self)

    @cached_property
    def audio(self) -> Audio:
        from .resources.audio.audio import Audio

        return Audio(self)

    @cached_property
    def models(self) -> Models:
        from .resources.models import Models

        return Models(self)

    @cached_property
    def batches(self) -> Batches:
        from .resources.batches import Batches

        return Batches(self)

    @cached_property
    def files(self) -> Files:
        from .resources.files import Files

        return Files(self)

    @cached_property
    def with_raw_response(self) -> GroqWithRawResponse:
        """The same resources, whose methods return the response with its headers."""
        return GroqWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> GroqWithStreamedResponse:
        """The same resources, whose methods return the response before its body is read."""
        return GroqWithStreamedResponse(self)

    def copy(
        self,
        *,
        api_key: str | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: float | Timeout | httpx.Timeout | None | NotGiven = NOT_GIVEN,
        http_client: httpx.Client | None = None,
        max_retries: int | NotGiven = NOT_GIVEN,
        default_headers: Mapping[str, str] | None = None,
        set_default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        set_default_query: Mapping[str, object] | None = None,
        retry_policy: RetryPolicy | None = None,
        _extra_kwargs: Mapping[str, Any] = {},
    ) -> Self:
        """A client with some options changed, on the same connections.

        `default_headers` and `default_query` are added to the present ones; the `set_...` forms
        replace them.
        """
        client = type(self)(
            **self._copy_arguments(
                api_key=api_key,
                base_url=base_url,
                timeout=timeout,
                http_client=http_client or self._given_client,
                max_retries=max_retries,
                default_headers=default_headers,
                set_default_headers=set_default_headers,
                default_query=default_query,
                set_default_query=set_default_query,
                extra=_extra_kwargs,
            )
        )
        client._pool = self._pool
        client.retry_policy = retry_policy or self.retry_policy
        return client

    with_options = copy


class AsyncGroq(_GroqOptions, AsyncAPIClient[httpx.AsyncClient]):
    """The asynchronous client.

    One instance may be used from several event loops, one after another (`asyncio.run` twice) or
    in several threads: each loop has its own connections, which end with the loop. The arguments
    are those of Groq.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: float | Timeout | httpx.Timeout | None | NotGiven = NOT_GIVEN,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        http_client: httpx.AsyncClient | None = None,
        retry_policy: RetryPolicy | None = None,
        _strict_response_validation: bool = False,
    ) -> None:
        self._resolve_key(api_key)
        super().__init__(
            version=__version__,
            base_url=_base_url(base_url),
            max_retries=max_retries,
            timeout=timeout,
            http_client=http_client,
            custom_headers={**_environment_headers(), **(default_headers or {})},
            custom_query=default_query,
            _strict_response_validation=_strict_response_validation,
        )
        if retry_policy is not None:
            self.retry_policy = retry_policy
        self._default_stream_cls = AsyncStream
        configure_from_environment()

    @cached_property
    def chat(self) -> AsyncChat:
        from .resources.chat.chat import AsyncChat

        return AsyncChat(self)

    @cached_property
    def embeddings(self) -> AsyncEmbeddings:
        from .resources.embeddings import AsyncEmbeddings

        return AsyncEmbeddings(self)

    @cached_property
    def audio(self) -> AsyncAudio:
        from .resources.audio.audio import AsyncAudio

        return AsyncAudio(self)

    @cached_property
    def models(self) -> AsyncModels:
        from .resources.models import AsyncModels

        return AsyncModels(self)

    @cached_property
    def batches(self) -> AsyncBatches:
        from .resources.batches import AsyncBatches

        return AsyncBatches(self)

    @cached_property
    def files(self) -> AsyncFiles:
        from .resources.files import AsyncFiles

        return AsyncFiles(self)

    @cached_property
    def with_raw_response(self) -> AsyncGroqWithRawResponse:
        """The same resources, whose methods return the response with its headers."""
        return AsyncGroqWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> AsyncGroqWithStreamedResponse:
        """The same resources, whose methods return the response before its body is read."""
        return AsyncGroqWithStreamedResponse(self)

    def copy(
        self,
        *,
        api_key: str | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: float | Timeout | httpx.Timeout | None | NotGiven = NOT_GIVEN,
        http_client: httpx.AsyncClient | None = None,
        max_retries: int | NotGiven = NOT_GIVEN,
        default_headers: Mapping[str, str] | None = None,
        set_default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        set_default_query: Mapping[str, object] | None = None,
        retry_policy: RetryPolicy | None = None,
        _extra_kwargs: Mapping[str, Any] = {},
    ) -> Self:
        """A client with some options changed, on the same connections. See `Groq.copy`."""
        client = type(self)(
            **self._copy_arguments(
                api_key=api_key,
                base_url=base_url,
                timeout=timeout,
                http_client=http_client or self._given_client,
                max_retries=max_retries,
                default_headers=default_headers,
                set_default_headers=set_default_headers,
                default_query=default_query,
                set_default_query=set_default_query,
                extra=_extra_kwargs,
            )
        )
        client._pools = self._pools
        client.retry_policy = retry_policy or self.retry_policy
        return client

    with_options = copy


class GroqWithRawResponse:
    """`Groq`, its methods returning APIResponse."""

    def __init__(self, client: Groq) -> None:
        self._client = client

    @cached_property
    def chat(self) -> ChatWithRawResponse:
        return self._client.chat.with_raw_response

    @cached_property
    def embeddings(self) -> EmbeddingsWithRawResponse:
        return self._client.embeddings.with_raw_response

    @cached_property
    def audio(self) -> AudioWithRawResponse:
        return self._client.audio.with_raw_response

    @cached_property
    def models(self) -> ModelsWithRawResponse:
        return self._client.models.with_raw_response

    @cached_property
    def batches(self) -> BatchesWithRawResponse:
        return self._client.batches.with_raw_response

    @cached_property
    def files(self) -> FilesWithRawResponse:
        return self._client.files.with_raw_response


class AsyncGroqWithRawResponse:
    """`AsyncGroq`, its methods returning AsyncAPIResponse."""

    def __init__(self, client: AsyncGroq) -> None:
        self._client = client

    @cached_property
    def chat(self) -> AsyncChatWithRawResponse:
        return self._client.chat.with_raw_response

    @cached_property
    def embeddings(self) -> AsyncEmbeddingsWithRawResponse:
        return self._client.embeddings.with_raw_response

    @cached_property
    def audio(self) -> AsyncAudioWithRawResponse:
        return self._client.audio.with_raw_response

    @cached_property
    def models(self) -> AsyncModelsWithRawResponse:
        return self._client.models.with_raw_response

    @cached_property
    def batches(self) -> AsyncBatchesWithRawResponse:
        return self._client.batches.with_raw_response

    @cached_property
    def files(self) -> AsyncFilesWithRawResponse:
        return self._client.files.with_raw_response


class GroqWithStreamedResponse:
    """`Groq`, its methods returning context managers of an unread APIResponse."""

    def __init__(self, client: Groq) -> None:
        self._client = client

    @cached_property
    def chat(self) -> ChatWithStreamingResponse:
        return self._client.chat.with_streaming_response

    @cached_property
    def embeddings(self) -> EmbeddingsWithStreamingResponse:
        return self._client.embeddings.with_streaming_response

    @cached_property
    def audio(self) -> AudioWithStreamingResponse:
        return self._client.audio.with_streaming_response

    @cached_property
    def models(self) -> ModelsWithStreamingResponse:
        return self._client.models.with_streaming_response

    @cached_property
    def batches(self) -> BatchesWithStreamingResponse:
        return self._client.batches.with_streaming_response

    @cached_property
    def files(self) -> FilesWithStreamingResponse:
        return self._client.files.with_streaming_response


class AsyncGroqWithStreamedResponse:
    """`AsyncGroq`, its methods returning context managers of an unread AsyncAPIResponse."""

    def __init__(self, client: AsyncGroq) -> None:
        self._client = client

    @cached_property
    def chat(self) -> AsyncChatWithStreamingResponse:
        return self._client.chat.with_streaming_response

    @cached_property
    def embeddings(self) -> AsyncEmbeddingsWithStreamingResponse:
        return self._client.embeddings.with_streaming_response

    @cached_property
    def audio(self) -> AsyncAudioWithStreamingResponse:
        return self._client.audio.with_streaming_response

    @cached_property
    def models(self) -> AsyncModelsWithStreamingResponse:
        return self._client.models.with_streaming_response

    @cached_property
    def batches(self) -> AsyncBatchesWithStreamingResponse:
        return self._client.batches.with_streaming_response

    @cached_property
    def files(self) -> AsyncFilesWithStreamingResponse:
        return self._client.files.with_streaming_response


Client = Groq
AsyncClient = AsyncGroq

for _public in (Groq, AsyncGroq):
    _public.__module__ = "groq"
del _public

__all__ = [
    "AsyncClient",
    "AsyncGroq",
    "AsyncGroqWithRawResponse",
    "AsyncGroqWithStreamedResponse",
    "AsyncStream",
    "Client",
    "Groq",
    "GroqWithRawResponse",
    "GroqWithStreamedResponse",
    "RequestOptions",
    "Stream",
    "Transport",
]
