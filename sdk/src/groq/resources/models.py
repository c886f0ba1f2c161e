"""`client.models`: what the server offers"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

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
from .._types import NOT_GIVEN, Body, Headers, NotGiven, Query

if TYPE_CHECKING:
    from ..types.model import Model
    from ..types.model_deleted import ModelDeleted
    from ..types.model_list_response import ModelListResponse

__all__ = ["AsyncModels", "Models"]

_MODEL = LazyType("groq.types.model", "Model")
_MODEL_LIST = LazyType("groq.types.model_list_response", "ModelListResponse")
_MODEL_DELETED = LazyType("groq.types.model_deleted", "ModelDeleted")


class Models(SyncAPIResource):
    """`client.models`."""

    @cached_property
    def with_raw_response(self) -> ModelsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return ModelsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> ModelsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return ModelsWithStreamingResponse(self)

    def retrieve(
        self,
        model: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> Model:
        """The model of that id. Raises NotFoundError if there is none."""
        return cast(
            "Model",
            self._get(
                path_template("/openai/v1/models/{model}", model=model),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_MODEL,
            ),
        )

    def list(
        self,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> ModelListResponse:
        """All models."""
        return cast(
            "ModelListResponse",
            self._get(
                "/openai/v1/models",
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_MODEL_LIST,
            ),
        )

    def delete(
        self,
        model: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> ModelDeleted:
        """Delete a model of your own."""
        return cast(
            "ModelDeleted",
            self._delete(
                path_template("/openai/v1/models/{model}", model=model),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_MODEL_DELETED,
            ),
        )


class AsyncModels(AsyncAPIResource):
    """`client.models`, asynchronous."""

    @cached_property
    def with_raw_response(self) -> AsyncModelsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return AsyncModelsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> AsyncModelsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return AsyncModelsWithStreamingResponse(self)

    async def retrieve(
        self,
        model: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> Model:
        """The model of that id. Raises NotFoundError if there is none."""
        return cast(
            "Model",
            await self._get(
                path_template("/openai/v1/models/{model}", model=model),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_MODEL,
            ),
        )

    async def list(
        self,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> ModelListResponse:
        """All models."""
        return cast(
            "ModelListResponse",
            await self._get(
                "/openai/v1/models",
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_MODEL_LIST,
            ),
        )

    async def delete(
        self,
        model: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> ModelDeleted:
        """Delete a model of your own."""
        return cast(
            "ModelDeleted",
            await self._delete(
                path_template("/openai/v1/models/{model}", model=model),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_MODEL_DELETED,
            ),
        )


class ModelsWithRawResponse:
    def __init__(self, models: Models) -> None:
        self._models = models
        self.retrieve: Final = to_raw_response_wrapper(models.retrieve)
        self.list: Final = to_raw_response_wrapper(models.list)
        self.delete: Final = to_raw_response_wrapper(models.delete)


class ModelsWithStreamingResponse:
    def __init__(self, models: Models) -> None:
        self._models = models
        self.retrieve: Final = to_streamed_response_wrapper(models.retrieve)
        self.list: Final = to_streamed_response_wrapper(models.list)
        self.delete: Final = to_streamed_response_wrapper(models.delete)


class AsyncModelsWithRawResponse:
    def __init__(self, models: AsyncModels) -> None:
        self._models = models
        self.retrieve: Final = async_to_raw_response_wrapper(models.retrieve)
        self.list: Final = async_to_raw_response_wrapper(models.list)
        self.delete: Final = async_to_raw_response_wrapper(models.delete)


class AsyncModelsWithStreamingResponse:
    def __init__(self, models: AsyncModels) -> None:
        self._models = models
        self.retrieve: Final = async_to_streamed_response_wrapper(models.retrieve)
        self.list: Final = async_to_streamed_response_wrapper(models.list)
        self.delete: Final = async_to_streamed_response_wrapper(models.delete)
