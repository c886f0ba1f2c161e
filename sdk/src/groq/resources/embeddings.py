"""`client.embeddings`: texts as vectors"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, cast

from httpx import Timeout

from .._base_client import make_request_options
from .._decode import LazyType
from .._resource import AsyncAPIResource, SyncAPIResource
from .._response import (
    async_to_raw_response_wrapper,
    async_to_streamed_response_wrapper,
    to_raw_response_wrapper,
    to_streamed_response_wrapper,
)
from .._types import NOT_GIVEN, Body, Headers, NotGiven, Omit, Query, SequenceNotStr

if TYPE_CHECKING:
    from ..types.create_embedding_response import CreateEmbeddingResponse

__all__ = ["AsyncEmbeddings", "Embeddings"]

_EMBEDDINGS = LazyType("groq.types.create_embedding_response", "CreateEmbeddingResponse")


class Embeddings(SyncAPIResource):
    """`client.embeddings`."""

    @cached_property
    def with_raw_response(self) -> EmbeddingsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return EmbeddingsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> EmbeddingsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return EmbeddingsWithStreamingResponse(self)

    def create(
        self,
        *,
        input: str | SequenceNotStr[str],
        model: str,
        encoding_format: Literal["float", "base64"] | Omit = NOT_GIVEN,
        user: str | None | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> CreateEmbeddingResponse:
        """Embed one text or several; at most 2048."""
        return cast(
            "CreateEmbeddingResponse",
            self._post(
                "/openai/v1/embeddings",
                body={
                    "input": input,
                    "model": model,
                    "encoding_format": encoding_format,
                    "user": user,
                },
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_EMBEDDINGS,
            ),
        )


class AsyncEmbeddings(AsyncAPIResource):
    """`client.embeddings`, asynchronous."""

    @cached_property
    def with_raw_response(self) -> AsyncEmbeddingsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return AsyncEmbeddingsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> AsyncEmbeddingsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return AsyncEmbeddingsWithStreamingResponse(self)

    async def create(
        self,
        *,
        input: str | SequenceNotStr[str],
        model: str,
        encoding_format: Literal["float", "base64"] | Omit = NOT_GIVEN,
        user: str | None | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> CreateEmbeddingResponse:
        """Embed one text or several; at most 2048."""
        return cast(
            "CreateEmbeddingResponse",
            await self._post(
                "/openai/v1/embeddings",
                body={
                    "input": input,
                    "model": model,
                    "encoding_format": encoding_format,
                    "user": user,
                },
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_EMBEDDINGS,
            ),
        )


class EmbeddingsWithRawResponse:
    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self.create: Final = to_raw_response_wrapper(embeddings.create)


class EmbeddingsWithStreamingResponse:
    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self.create: Final = to_streamed_response_wrapper(embeddings.create)


class AsyncEmbeddingsWithRawResponse:
    def __init__(self, embeddings: AsyncEmbeddings) -> None:
        self._embeddings = embeddings
        self.create: Final = async_to_raw_response_wrapper(embeddings.create)


class AsyncEmbeddingsWithStreamingResponse:
    def __init__(self, embeddings: AsyncEmbeddings) -> None:
        self._embeddings = embeddings
        self.create: Final = async_to_streamed_response_wrapper(embeddings.create)
