"""`client.files`: uploads for batches, and their results"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, cast

from httpx import Timeout

from .._base_client import make_request_options
from .._decode import LazyType
from .._files import to_httpx_file
from .._request import path_template
from .._resource import AsyncAPIResource, SyncAPIResource
from .._response import (
    AsyncBinaryAPIResponse,
    AsyncStreamedBinaryAPIResponse,
    BinaryAPIResponse,
    StreamedBinaryAPIResponse,
    async_to_custom_raw_response_wrapper,
    async_to_custom_streamed_response_wrapper,
    async_to_raw_response_wrapper,
    async_to_streamed_response_wrapper,
    to_custom_raw_response_wrapper,
    to_custom_streamed_response_wrapper,
    to_raw_response_wrapper,
    to_streamed_response_wrapper,
)
from .._types import NOT_GIVEN, Body, FileTypes, Headers, NotGiven, Query

if TYPE_CHECKING:
    from ..types.file_create_response import FileCreateResponse
    from ..types.file_delete_response import FileDeleteResponse
    from ..types.file_info_response import FileInfoResponse
    from ..types.file_list_response import FileListResponse

__all__ = ["AsyncFiles", "Files"]

_CREATED = LazyType("groq.types.file_create_response", "FileCreateResponse")
_LISTED = LazyType("groq.types.file_list_response", "FileListResponse")
_DELETED = LazyType("groq.types.file_delete_response", "FileDeleteResponse")
_INFO = LazyType("groq.types.file_info_response", "FileInfoResponse")


class Files(SyncAPIResource):
    """`client.files`."""

    @cached_property
    def with_raw_response(self) -> FilesWithRawResponse:
        """The same methods, returning the response with its headers."""
        return FilesWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> FilesWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return FilesWithStreamingResponse(self)

    def create(
        self,
        *,
        file: FileTypes,
        purpose: Literal["batch"],
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> FileCreateResponse:
        """Upload a file: bytes, an open file, a path, or `(name, content)`."""
        return cast(
            "FileCreateResponse",
            self._post(
                "/openai/v1/files",
                body={
                    "purpose": purpose,
                },
                files={"file": to_httpx_file(file)},
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_CREATED,
            ),
        )

    def list(
        self,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> FileListResponse:
        """All files."""
        return cast(
            "FileListResponse",
            self._get(
                "/openai/v1/files",
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_LISTED,
            ),
        )

    def delete(
        self,
        file_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> FileDeleteResponse:
        """Delete a file."""
        return cast(
            "FileDeleteResponse",
            self._delete(
                path_template("/openai/v1/files/{file_id}", file_id=file_id),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_DELETED,
            ),
        )

    def content(
        self,
        file_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BinaryAPIResponse:
        """The bytes of a file."""
        extra_headers = {"Accept": "application/octet-stream", **(extra_headers or {})}
        return self._get(
            path_template("/openai/v1/files/{file_id}/content", file_id=file_id),
            options=make_request_options(
                extra_headers=extra_headers,
                extra_query=extra_query,
                extra_body=extra_body,
                timeout=timeout,
            ),
            cast_to=BinaryAPIResponse,
        )

    def info(
        self,
        file_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> FileInfoResponse:
        """Name, size and purpose of a file."""
        return cast(
            "FileInfoResponse",
            self._get(
                path_template("/openai/v1/files/{file_id}", file_id=file_id),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_INFO,
            ),
        )


class AsyncFiles(AsyncAPIResource):
    """`client.files`, asynchronous."""

    @cached_property
    def with_raw_response(self) -> AsyncFilesWithRawResponse:
        """The same methods, returning the response with its headers."""
        return AsyncFilesWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> AsyncFilesWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return AsyncFilesWithStreamingResponse(self)

    async def create(
        self,
        *,
        file: FileTypes,
        purpose: Literal["batch"],
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> FileCreateResponse:
        """Upload a file: bytes, an open file, a path, or `(name, content)`."""
        return cast(
            "FileCreateResponse",
            await self._post(
                "/openai/v1/files",
                body={
                    "purpose": purpose,
                },
                files={"file": to_httpx_file(file)},
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_CREATED,
            ),
        )

    async def list(
        self,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> FileListResponse:
        """All files."""
        return cast(
            "FileListResponse",
            await self._get(
                "/openai/v1/files",
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_LISTED,
            ),
        )

    async def delete(
        self,
        file_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> FileDeleteResponse:
        """Delete a file."""
        return cast(
            "FileDeleteResponse",
            await self._delete(
                path_template("/openai/v1/files/{file_id}", file_id=file_id),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_DELETED,
            ),
        )

    async def content(
        self,
        file_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> AsyncBinaryAPIResponse:
        """The bytes of a file."""
        extra_headers = {"Accept": "application/octet-stream", **(extra_headers or {})}
        return cast(
            "AsyncBinaryAPIResponse",
            await self._get(
                path_template("/openai/v1/files/{file_id}/content", file_id=file_id),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=AsyncBinaryAPIResponse,
            ),
        )

    async def info(
        self,
        file_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> FileInfoResponse:
        """Name, size and purpose of a file."""
        return cast(
            "FileInfoResponse",
            await self._get(
                path_template("/openai/v1/files/{file_id}", file_id=file_id),
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_INFO,
            ),
        )


class FilesWithRawResponse:
    def __init__(self, files: Files) -> None:
        self._files = files
        self.create: Final = to_raw_response_wrapper(files.create)
        self.list: Final = to_raw_response_wrapper(files.list)
        self.delete: Final = to_raw_response_wrapper(files.delete)
        self.content: Final = to_custom_raw_response_wrapper(files.content, BinaryAPIResponse)
        self.info: Final = to_raw_response_wrapper(files.info)


class FilesWithStreamingResponse:
    def __init__(self, files: Files) -> None:
        self._files = files
        self.create: Final = to_streamed_response_wrapper(files.create)
        self.list: Final = to_streamed_response_wrapper(files.list)
        self.delete: Final = to_streamed_response_wrapper(files.delete)
        self.content: Final = to_custom_streamed_response_wrapper(
            files.content, StreamedBinaryAPIResponse
        )
        self.info: Final = to_streamed_response_wrapper(files.info)


class AsyncFilesWithRawResponse:
    def __init__(self, files: AsyncFiles) -> None:
        self._files = files
        self.create: Final = async_to_raw_response_wrapper(files.create)
        self.list: Final = async_to_raw_response_wrapper(files.list)
        self.delete: Final = async_to_raw_response_wrapper(files.delete)
        self.content: Final = async_to_custom_raw_response_wrapper(
            files.content, AsyncBinaryAPIResponse
        )
        self.info: Final = async_to_raw_response_wrapper(files.info)


class AsyncFilesWithStreamingResponse:
    def __init__(self, files: AsyncFiles) -> None:
        self._files = files
        self.create: Final = async_to_streamed_response_wrapper(files.create)
        self.list: Final = async_to_streamed_response_wrapper(files.list)
        self.delete: Final = async_to_streamed_response_wrapper(files.delete)
        self.content: Final = async_to_custom_streamed_response_wrapper(
            files.content, AsyncStreamedBinaryAPIResponse
        )
        self.info: Final = async_to_streamed_response_wrapper(files.info)
