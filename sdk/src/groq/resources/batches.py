"""`client.batches`: many completions, done later"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, cast

from httpx import Timeout

from .._base_client import make_request_options
from .._decode import LazyType
from .._request import path_template
from .._resource import AsyncAPIResource, SyncAPIResource
from .._response import (
    async_to_raw_response_wrapper,
    async_to_streamed_response_wrapper,
    to_raw_response_wrapper,
    to_streamed_response_wrapper,
)
from .._types import NOT_GIVEN, Body, Headers, NotGiven, Omit, Query

if TYPE_CHECKING:
    from ..types.batch_cancel_response import BatchCancelResponse
    from ..types.batch_create_response import BatchCreateResponse
    from ..types.batch_list_response import BatchListResponse
    from ..types.batch_retrieve_response import BatchRetrieveResponse

__all__ = ["AsyncBatches", "Batches"]

_CREATED = LazyType("groq.types.batch_create_response", "BatchCreateResponse")
_RETRIEVED = LazyType("groq.types.batch_retrieve_response", "BatchRetrieveResponse")
_LISTED = LazyType("groq.types.batch_list_response", "BatchListResponse")
_CANCELLED = LazyType("groq.types.batch_cancel_response", "BatchCancelResponse")


class Batches(SyncAPIResource):
    """`client.batches`."""

    @cached_property
    def with_raw_response(self) -> BatchesWithRawResponse:
        """The same methods, returning the response with its headers."""
        return BatchesWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> BatchesWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return BatchesWithStreamingResponse(self)

    def create(
        self,
        *,
        completion_window: str,
        endpoint: Literal["/v1/chat/completions"],
        input_file_id: str,
        metadata: dict[str, str] | None | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BatchCreateResponse:
        """Start a batch from an uploaded file of requests, one JSON object a line."""
        return cast(
            "BatchCreateResponse",
            self._post(
                "/openai/v1/batches",
                body={
                    "completion_window": completion_window,
                    "endpoint": endpoint,
                    "input_file_id": input_file_id,
                    "metadata": metadata,
                },
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_CREATED,
            ),
        )

    def retrieve(
        self,
        batch_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BatchRetrieveResponse:
        """The batch as it is now."""
        return cast(
            "BatchRetrieveResponse",
            self._get(
                path_template("/openai/v1/batches/{batch_id}", batch_id=batch_id),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_RETRIEVED,
            ),
        )

    def list(
        self,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BatchListResponse:
        """All batches."""
        return cast(
            "BatchListResponse",
            self._get(
                "/openai/v1/batches",
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_LISTED,
            ),
        )

    def cancel(
        self,
        batch_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BatchCancelResponse:
        """Stop a batch; what is done already stays."""
        return cast(
            "BatchCancelResponse",
            self._post(
                path_template("/openai/v1/batches/{batch_id}/cancel", batch_id=batch_id),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_CANCELLED,
            ),
        )


class AsyncBatches(AsyncAPIResource):
    """`client.batches`, asynchronous."""

    @cached_property
    def with_raw_response(self) -> AsyncBatchesWithRawResponse:
        """The same methods, returning the response with its headers."""
        return AsyncBatchesWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> AsyncBatchesWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return AsyncBatchesWithStreamingResponse(self)

    async def create(
        self,
        *,
        completion_window: str,
        endpoint: Literal["/v1/chat/completions"],
        input_file_id: str,
        metadata: dict[str, str] | None | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BatchCreateResponse:
        """Start a batch from an uploaded file of requests, one JSON object a line."""
        return cast(
            "BatchCreateResponse",
            await self._post(
                "/openai/v1/batches",
                body={
                    "completion_window": completion_window,
                    "endpoint": endpoint,
                    "input_file_id": input_file_id,
                    "metadata": metadata,
                },
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_CREATED,
            ),
        )

    async def retrieve(
        self,
        batch_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BatchRetrieveResponse:
        """The batch as it is now."""
        return cast(
            "BatchRetrieveResponse",
            await self._get(
                path_template("/openai/v1/batches/{batch_id}", batch_id=batch_id),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_RETRIEVED,
            ),
        )

    async def list(
        self,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BatchListResponse:
        """All batches."""
        return cast(
            "BatchListResponse",
            await self._get(
                "/openai/v1/batches",
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_LISTED,
            ),
        )

    async def cancel(
        self,
        batch_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BatchCancelResponse:
        """Stop a batch; what is done already stays."""
        return cast(
            "BatchCancelResponse",
            await self._post(
                path_template("/openai/v1/batches/{batch_id}/cancel", batch_id=batch_id),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_CANCELLED,
            ),
        )


class BatchesWithRawResponse:
    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self.create: Final = to_raw_response_wrapper(batches.create)
        self.retrieve: Final = to_raw_response_wrapper(batches.retrieve)
        self.list: Final = to_raw_response_wrapper(batches.list)
        self.cancel: Final = to_raw_response_wrapper(batches.cancel)


class BatchesWithStreamingResponse:
    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self.create: Final = to_streamed_response_wrapper(batches.create)
        self.retrieve: Final = to_streamed_response_wrapper(batches.retrieve)
        self.list: Final = to_streamed_response_wrapper(batches.list)
        self.cancel: Final = to_streamed_response_wrapper(batches.cancel)


class AsyncBatchesWithRawResponse:
    def __init__(self, batches: AsyncBatches) -> None:
        self._batches = batches
        self.create: Final = async_to_raw_response_wrapper(batches.create)
        self.retrieve: Final = async_to_raw_response_wrapper(batches.retrieve)
        self.list: Final = async_to_raw_response_wrapper(batches.list)
        self.cancel: Final = async_to_raw_response_wrapper(batches.cancel)


class AsyncBatchesWithStreamingResponse:
    def __init__(self, batches: AsyncBatches) -> None:
        self._batches = batches
        self.create: Final = async_to_streamed_response_wrapper(batches.create)
        self.retrieve: Final = async_to_streamed_response_wrapper(batches.retrieve)
        self.list: Final = async_to_streamed_response_wrapper(batches.list)
        self.cancel: Final = async_to_streamed_response_wrapper(batches.cancel)
