"""`client.audio.speech`: text to sound"""

from __future__ import annotations

from functools import cached_property
from typing import Final, Literal, cast

from httpx import Timeout

from ..._base_client import make_request_options
from ..._resource import AsyncAPIResource, SyncAPIResource
from ..._response import (
    AsyncBinaryAPIResponse,
    AsyncStreamedBinaryAPIResponse,
    BinaryAPIResponse,
    StreamedBinaryAPIResponse,
    async_to_custom_raw_response_wrapper,
    async_to_custom_streamed_response_wrapper,
    to_custom_raw_response_wrapper,
    to_custom_streamed_response_wrapper,
)
from ..._types import NOT_GIVEN, Body, Headers, NotGiven, Omit, Query

__all__ = ["AsyncSpeech", "Speech"]


class Speech(SyncAPIResource):
    """`client.audio.speech`."""

    @cached_property
    def with_raw_response(self) -> SpeechWithRawResponse:
        """The same methods, returning the response with its headers."""
        return SpeechWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> SpeechWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return SpeechWithStreamingResponse(self)

    def create(
        self,
        *,
        input: str,
        model: str,
        voice: str,
        response_format: Literal["flac", "mp3", "mulaw", "ogg", "wav"] | Omit = NOT_GIVEN,
        sample_rate: Literal[8000, 16000, 22050, 24000, 32000, 44100, 48000] | Omit = NOT_GIVEN,
        speed: float | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> BinaryAPIResponse:
        """Speak `input`. The answer is sound, in the format asked for."""
        extra_headers = {"Accept": "audio/wav", **(extra_headers or {})}
        return self._post(
            "/openai/v1/audio/speech",
            body={
                "input": input,
                "model": model,
                "voice": voice,
                "response_format": response_format,
                "sample_rate": sample_rate,
                "speed": speed,
            },
            options=make_request_options(
                extra_headers=extra_headers,
                extra_query=extra_query,
                extra_body=extra_body,
                timeout=timeout,
            ),
            cast_to=BinaryAPIResponse,
        )


class AsyncSpeech(AsyncAPIResource):
    """`client.audio.speech`, asynchronous."""

    @cached_property
    def with_raw_response(self) -> AsyncSpeechWithRawResponse:
        """The same methods, returning the response with its headers."""
        return AsyncSpeechWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> AsyncSpeechWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return AsyncSpeechWithStreamingResponse(self)

    async def create(
        self,
        *,
        input: str,
        model: str,
        voice: str,
        response_format: Literal["flac", "mp3", "mulaw", "ogg", "wav"] | Omit = NOT_GIVEN,
        sample_rate: Literal[8000, 16000, 22050, 24000, 32000, 44100, 48000] | Omit = NOT_GIVEN,
        speed: float | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> AsyncBinaryAPIResponse:
        """Speak `input`. The answer is sound, in the format asked for."""
        extra_headers = {"Accept": "audio/wav", **(extra_headers or {})}
        return cast(
            "AsyncBinaryAPIResponse",
            await self._post(
                "/openai/v1/audio/speech",
                body={
                    "input": input,
                    "model": model,
                    "voice": voice,
                    "response_format": response_format,
                    "sample_rate": sample_rate,
                    "speed": speed,
                },
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=AsyncBinaryAPIResponse,
            ),
        )


class SpeechWithRawResponse:
    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self.create: Final = to_custom_raw_response_wrapper(speech.create, BinaryAPIResponse)


class SpeechWithStreamingResponse:
    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self.create: Final = to_custom_streamed_response_wrapper(
            speech.create, StreamedBinaryAPIResponse
        )


class AsyncSpeechWithRawResponse:
    def __init__(self, speech: AsyncSpeech) -> None:
        self._speech = speech
        self.create: Final = async_to_custom_raw_response_wrapper(
            speech.create, AsyncBinaryAPIResponse
        )


class AsyncSpeechWithStreamingResponse:
    def __init__(self, speech: AsyncSpeech) -> None:
        self._speech = speech
        self.create: Final = async_to_custom_streamed_response_wrapper(
            speech.create, AsyncStreamedBinaryAPIResponse
        )
