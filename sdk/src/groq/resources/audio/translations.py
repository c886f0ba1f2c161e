"""`client.audio.translations`: sound to English text"""

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
    from ...types.audio.translation import Translation

__all__ = ["AsyncTranslations", "Translations"]

_TRANSLATION = LazyType("groq.types.audio.translation", "Translation")


class Translations(SyncAPIResource):
    """`client.audio.translations`."""

    @cached_property
    def with_raw_response(self) -> TranslationsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return TranslationsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> TranslationsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return TranslationsWithStreamingResponse(self)

    def create(
        self,
        *,
        model: str,
        file: FileTypes | Omit = NOT_GIVEN,
        prompt: str | Omit = NOT_GIVEN,
        response_format: Literal["json", "text", "verbose_json"] | Omit = NOT_GIVEN,
        temperature: float | Omit = NOT_GIVEN,
        url: str | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> Translation:
        """Write down in English what is said. With `response_format="text"` the answer is a str."""
        return cast(
            "Translation",
            self._post(
                "/openai/v1/audio/translations",
                body={
                    "model": model,
                    "prompt": prompt,
                    "response_format": response_format,
                    "temperature": temperature,
                    "url": url,
                },
                files={"file": to_httpx_file(file)} if not isinstance(file, Omit) else {},
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_TRANSLATION,
                accepts_text=True,
            ),
        )


class AsyncTranslations(AsyncAPIResource):
    """`client.audio.translations`, asynchronous."""

    @cached_property
    def with_raw_response(self) -> AsyncTranslationsWithRawResponse:
        """The same methods, returning the response with its headers."""
        return AsyncTranslationsWithRawResponse(self)

    @cached_property
    def with_streaming_response(self) -> AsyncTranslationsWithStreamingResponse:
        """The same methods, returning the response before its body is read."""
        return AsyncTranslationsWithStreamingResponse(self)

    async def create(
        self,
        *,
        model: str,
        file: FileTypes | Omit = NOT_GIVEN,
        prompt: str | Omit = NOT_GIVEN,
        response_format: Literal["json", "text", "verbose_json"] | Omit = NOT_GIVEN,
        temperature: float | Omit = NOT_GIVEN,
        url: str | Omit = NOT_GIVEN,
        extra_headers: Headers | None = None,
        extra_query: Query | None = None,
        extra_body: Body | None = None,
        timeout: float | Timeout | None | NotGiven = NOT_GIVEN,
    ) -> Translation:
        """Write down in English what is said. With `response_format="text"` the answer is a str."""
        return cast(
            "Translation",
            await self._post(
                "/openai/v1/audio/translations",
                body={
                    "model": model,
                    "prompt": prompt,
                    "response_format": response_format,
                    "temperature": temperature,
                    "url": url,
                },
                files={"file": to_httpx_file(file)} if not isinstance(file, Omit) else {},
                options=make_request_options(
                    extra_headers=extra_headers,
                    extra_query=extra_query,
                    extra_body=extra_body,
                    timeout=timeout,
                ),
                cast_to=_TRANSLATION,
                accepts_text=True,
            ),
        )


class TranslationsWithRawResponse:
    def __init__(self, translations: Translations) -> None:
        self._translations = translations
        self.create: Final = to_raw_response_wrapper(translations.create)


class TranslationsWithStreamingResponse:
    def __init__(self, translations: Translations) -> None:
        self._translations = translations
        self.create: Final = to_streamed_response_wrapper(translations.create)


class AsyncTranslationsWithRawResponse:
    def __init__(self, translations: AsyncTranslations) -> None:
        self._translations = translations
        self.create: Final = async_to_raw_response_wrapper(translations.create)


class AsyncTranslationsWithStreamingResponse:
    def __init__(self, translations: AsyncTranslations) -> None:
        self._translations = translations
        self.create: Final = async_to_streamed_response_wrapper(translations.create)
