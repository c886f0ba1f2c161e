"""`client.audio.transcriptions`: sound to text"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, cast

from httpx import Timeout

from ..._base_client import make_request_options
from ..._decode import LazyType
from ..._files import to_httpx_file
from ..._resource import AsyncAPIResource, SyncAPIResource
from ..._response import (
    async_to_raw_response_wrapper,
    async_to_streamed_response_wrapper,
    to_raw_response_wrapper,
    to_streamed_response_wrapper,
)
from ..._types import NOT_GIVEN, Body, FileTypes, Headers, NotGiven, Omit, Query

if TYPE_CHECKING:
    from ...types.audio.transcription import Transcription

__all__ = ["AsyncTranscriptions", "Transcriptions"]

_TRANSCRIPTION = LazyType("groq.types.audio.transcription", "Transcription")


class Transcriptions(SyncAPIResource):
    """`client.audio.transcriptions`."""

    @cached_property
    def with_raw_response(self) -> TranscriptionsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return TranscriptionsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> TranscriptionsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return TranscriptionsWithStreamingResponse(self)

    def create(
        self,
        *,
        model: str,
        file: FileTypes | Omit = NOT_GIVEN,
        language: str | Omit = NOT_GIVEN,
        prompt: str | Omit = NOT_GIVEN,
        response_format: Literal["json", "text", "verbose_json"] | Omit = NOT_GIVEN,
        temperature: float | Omit = NOT_GIVEN,
        timestamp_granularities: list[Literal["word", "segment"]] | Omit = NOT_GIVEN,
        url: str | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> Transcription:
        """Write down what is said. With `response_format="text"` the answer is a str."""
        return cast(
            "Transcription",
            self._post(
                "/openai/v1/audio/transcriptions",
                body={
                    "model": model,
                    "language": language,
                    "prompt": prompt,
                    "response_format": response_format,
                    "temperature": temperature,
                    "timestamp_granularities": timestamp_granularities,
                    "url": url,
                },
                files={"file": to_httpx_file(file)} if not isinstance(file, Omit) else {},
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_TRANSCRIPTION,
                accepts_text=True,
            ),
        )


class AsyncTranscriptions(AsyncAPIResource):
    """`client.audio.transcriptions`, asynchronous."""

    @cached_property
    def with_raw_response(self) -> AsyncTranscriptionsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return AsyncTranscriptionsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> AsyncTranscriptionsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return AsyncTranscriptionsWithStreamingResponse(self)

    async def create(
        self,
        *,
        model: str,
        file: FileTypes | Omit = NOT_GIVEN,
        language: str | Omit = NOT_GIVEN,
        prompt: str | Omit = NOT_GIVEN,
        response_format: Literal["json", "text", "verbose_json"] | Omit = NOT_GIVEN,
        temperature: float | Omit = NOT_GIVEN,
        timestamp_granularities: list[Literal["word", "segment"]] | Omit = NOT_GIVEN,
        url: str | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> Transcription:
        """Write down what is said. With `response_format="text"` the answer is a str."""
        return cast(
            "Transcription",
            await self._post(
                "/openai/v1/audio/transcriptions",
                body={
                    "model": model,
                    "language": language,
                    "prompt": prompt,
                    "response_format": response_format,
                    "temperature": temperature,
                    "timestamp_granularities": timestamp_granularities,
                    "url": url,
                },
                files={"file": to_httpx_file(file)} if not isinstance(file, Omit) else {},
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_TRANSCRIPTION,
                accepts_text=True,
            ),
        )


class TranscriptionsWithRawResponse:
    def __init__(self, transcriptions: Transcriptions) -> None:
        self._transcriptions = transcriptions
        self.create: Final = to_raw_response_wrapper(transcriptions.create)


class TranscriptionsWithStreamingResponse:
    def __init__(self, transcriptions: Transcriptions) -> None:
        self._transcriptions = transcriptions
        self.create: Final = to_streamed_response_wrapper(transcriptions.create)


class AsyncTranscriptionsWithRawResponse:
    def __init__(self, transcriptions: AsyncTranscriptions) -> None:
        self._transcriptions = transcriptions
        self.create: Final = async_to_raw_response_wrapper(transcriptions.create)


class AsyncTranscriptionsWithStreamingResponse:
    def __init__(self, transcriptions: AsyncTranscriptions) -> None:
        self._transcriptions = transcriptions
        self.create: Final = async_to_streamed_response_wrapper(transcriptions.create)
