"""Responses with their HTTP side: what `.with_raw_response` and `.with_streaming_response` give."""

from __future__ import annotations

import datetime
import functools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

import httpx

from ._constants import OVERRIDE_CAST_TO_HEADER, RAW_RESPONSE_HEADER
from ._decode import decode_body
from ._exceptions import APIResponseValidationError, GroqError
from ._rate_limit import RateLimit
from ._request import FinalRequestOptions
from ._streaming import AsyncStream, Stream, extract_stream_chunk_type, is_stream_class_type
from ._types import NoneType, NotGiven

if TYPE_CHECKING:
    from ._base_client import BaseClient
    from ._deadline import Deadline

P = ParamSpec("P")
R = TypeVar("R")
_T = TypeVar("_T")
_ResponseT = TypeVar("_ResponseT")


class StreamAlreadyConsumed(GroqError):
    """The body of a streamed response was read before, and was not kept."""

    def __init__(self) -> None:
        super().__init__(
            "The body has been consumed. Read it once, for example with `.read()`, and keep it."
        )


class MissingStreamClassError(TypeError):
    """A stream was asked for without saying a stream of what."""

    def __init__(self) -> None:
        super().__init__(
            "`stream=True` needs a `stream_cls`, such as `Stream[ChatCompletionChunk]`"
        )


class BaseAPIResponse(Generic[R]):
    """One HTTP response and what it decodes to. `http_response` is httpx's own object."""

    http_response: httpx.Response
    retries_taken: int

    def __init__(
        self,
        *,
        raw: httpx.Response,
        cast_to: Any,  # a class, or the lazy name of one
        client: BaseClient,
        stream: bool,
        stream_cls: Any,
        options: FinalRequestOptions,
        retries_taken: int = 0,
        _deadline: Deadline | None = None,
        _reopen: Any = None,
    ) -> None:
        self.http_response = raw
        self.retries_taken = retries_taken
        self._cast_to = cast_to
        self._client = client
        self._is_sse_stream = stream
        self._stream_cls = stream_cls
        self._options = options
        self._deadline = _deadline
        self._reopen = _reopen
        self._parsed: dict[Any, Any] = {}

    @property
    def headers(self) -> httpx.Headers:
        return self.http_response.headers

    @property
    def http_request(self) -> httpx.Request:
        return self.http_response.request

    @property
    def status_code(self) -> int:
        return self.http_response.status_code

    @property
    def url(self) -> httpx.URL:
        return self.http_response.url

    @property
    def method(self) -> str:
        return self.http_request.method

    @property
    def http_version(self) -> str:
        return self.http_response.http_version

    @property
    def elapsed(self) -> datetime.timedelta:
        """From sending the request to closing the response; RuntimeError before that."""
        return self.http_response.elapsed

    @property
    def is_closed(self) -> bool:
        return self.http_response.is_closed

    @property
    def request_id(self) -> str | None:
        return cast("str | None", self.http_response.headers.get("x-request-id"))

    @property
    def rate_limit(self) -> RateLimit | None:
        """The allowance left after this response, if the server sent it."""
        return RateLimit.from_headers(self.http_response.headers)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} [{self.status_code} {self.http_response.reason_phrase}]"
            f" type={self._cast_to}>"
        )

    def _parse(self, *, to: Any = None) -> Any:
        if to is None and self._is_sse_stream:
            return self._make_stream(self._stream_cls)
        if to is not None and is_stream_class_type(to):
            return self._make_stream(to)
        cast_to = self._cast_to if to is None else to
        return decode_body(
            self.http_response,
            cast_to,
            accepts_text=to is None and self._options.accepts_text,
            strict=self._client._strict_response_validation,
        )

    def _make_stream(self, stream_cls: Any) -> Any:
        chunk_type = self._options.chunk_type
        if stream_cls is None:
            raise MissingStreamClassError
        if getattr(stream_cls, "__args__", ()) or chunk_type is None:
            chunk_type = extract_stream_chunk_type(stream_cls)
        origin = getattr(stream_cls, "__origin__", stream_cls)
        return origin(
            cast_to=chunk_type,
            response=self.http_response,
            client=self._client,
            options=self._options,
            _deadline=self._deadline,
            _reopen=self._reopen,
        )

    def _finish(self, parsed: Any) -> Any:
        post_parser = self._options.post_parser
        return parsed if isinstance(post_parser, NotGiven) else post_parser(parsed)


class APIResponse(BaseAPIResponse[R]):
    """A response of the synchronous client."""

    @overload
    def parse(self, *, to: type[_T]) -> _T: ...

    @overload
    def parse(self) -> R: ...

    def parse(self, *, to: Any = None) -> Any:
        """Decode the body, as what the operation promises or as `to`. Decoded once, then kept."""
        if to not in self._parsed:
            if not self._is_sse_stream and not (to is not None and is_stream_class_type(to)):
                self.read()
            self._parsed[to] = self._finish(self._parse(to=to))
        return self._parsed[to]

    def read(self) -> bytes:
        """The whole body."""
        try:
            return self.http_response.read()
        except RuntimeError as error:  # StreamConsumed or StreamClosed, of httpx or httpx2
            raise StreamAlreadyConsumed from error

    def text(self) -> str:
        self.read()
        return self.http_response.text

    def json(self) -> object:
        self.read()
        return cast(object, self.http_response.json())

    def close(self) -> None:
        self.http_response.close()

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The body in pieces as they arrive, any content encoding undone."""
        yield from self.http_response.iter_bytes(chunk_size)

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        yield from self.http_response.iter_text(chunk_size)

    def iter_lines(self) -> Iterator[str]:
        yield from self.http_response.iter_lines()


class AsyncAPIResponse(BaseAPIResponse[R]):
    """A response of the asynchronous client."""

    @overload
    async def parse(self, *, to: type[_T]) -> _T: ...

    @overload
    async def parse(self) -> R: ...

    async def parse(self, *, to: Any = None) -> Any:
        """Decode the body, as what the operation promises or as `to`. Decoded once, then kept."""
        if to not in self._parsed:
            if not self._is_sse_stream and not (to is not None and is_stream_class_type(to)):
                await self.read()
            self._parsed[to] = self._finish(self._parse(to=to))
        return self._parsed[to]

    async def read(self) -> bytes:
        """The whole body."""
        try:
            return await self.http_response.aread()
        except RuntimeError as error:  # StreamConsumed or StreamClosed, of httpx or httpx2
            raise StreamAlreadyConsumed from error

    async def text(self) -> str:
        await self.read()
        return self.http_response.text

    async def json(self) -> object:
        await self.read()
        return cast(object, self.http_response.json())

    async def close(self) -> None:
        await self.http_response.aclose()

    async def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """The body in pieces as they arrive, any content encoding undone."""
        async for piece in self.http_response.aiter_bytes(chunk_size):
            yield piece

    async def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        async for piece in self.http_response.aiter_text(chunk_size):
            yield piece

    async def iter_lines(self) -> AsyncIterator[str]:
        async for line in self.http_response.aiter_lines():
            yield line


class BinaryAPIResponse(APIResponse[bytes]):
    """A binary answer, read into memory."""

    def write_to_file(self, file: str | os.PathLike[str]) -> None:
        """Write the body to `file`, replacing what is there."""
        Path(file).write_bytes(self.read())


class AsyncBinaryAPIResponse(AsyncAPIResponse[bytes]):
    """A binary answer, read into memory."""

    async def write_to_file(self, file: str | os.PathLike[str]) -> None:
        """Write the body to `file`, replacing what is there."""
        import anyio  # httpx depends on it; only here

        await anyio.Path(file).write_bytes(await self.read())


class StreamedBinaryAPIResponse(APIResponse[bytes]):
    """A binary answer, read piece by piece."""

    def stream_to_file(
        self, file: str | os.PathLike[str], *, chunk_size: int | None = None
    ) -> None:
        """Write the body to `file` as it arrives."""
        with open(file, "wb") as opened:
            for piece in self.iter_bytes(chunk_size):
                opened.write(piece)


class AsyncStreamedBinaryAPIResponse(AsyncAPIResponse[bytes]):
    """A binary answer, read piece by piece."""

    async def stream_to_file(
        self, file: str | os.PathLike[str], *, chunk_size: int | None = None
    ) -> None:
        """Write the body to `file` as it arrives."""
        import anyio

        async with await anyio.open_file(file, "wb") as opened:
            async for piece in self.iter_bytes(chunk_size):
                await opened.write(piece)


class ResponseContextManager(Generic[_ResponseT]):
    """Sends the request on entry, closes the response on exit."""

    def __init__(self, request_func: Callable[[], _ResponseT]) -> None:
        self._request_func = request_func
        self._response: _ResponseT | None = None

    def __enter__(self) -> _ResponseT:
        self._response = self._request_func()
        return self._response

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if self._response is not None:
            cast(APIResponse[Any], self._response).close()


class AsyncResponseContextManager(Generic[_ResponseT]):
    """Sends the request on entry, closes the response on exit."""

    def __init__(self, api_request: Awaitable[_ResponseT]) -> None:
        self._api_request = api_request
        self._response: _ResponseT | None = None

    async def __aenter__(self) -> _ResponseT:
        self._response = await self._api_request
        return self._response

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if self._response is not None:
            await cast(AsyncAPIResponse[Any], self._response).close()


# A wrapper marks the call by a header; the client reads it and returns the response itself.
# mypy cannot say "P, but with this keyword set", hence the Any in the bodies.


def _mark(kwargs: Any, kind: str, response_cls: type[Any] | None = None) -> None:
    headers: dict[str, Any] = {**(kwargs.get("extra_headers") or {}), RAW_RESPONSE_HEADER: kind}
    if response_cls is not None:
        headers[OVERRIDE_CAST_TO_HEADER] = response_cls
    kwargs["extra_headers"] = headers


def to_raw_response_wrapper(func: Callable[P, R]) -> Callable[P, APIResponse[R]]:
    @functools.wraps(func)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> APIResponse[R]:
        _mark(kwargs, "raw")
        return cast(APIResponse[R], func(*args, **kwargs))

    return wrapped


def async_to_raw_response_wrapper(
    func: Callable[P, Awaitable[R]],
) -> Callable[P, Awaitable[AsyncAPIResponse[R]]]:
    @functools.wraps(func)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> AsyncAPIResponse[R]:
        _mark(kwargs, "raw")
        return cast(AsyncAPIResponse[R], await func(*args, **kwargs))

    return wrapped


def to_streamed_response_wrapper(
    func: Callable[P, R],
) -> Callable[P, ResponseContextManager[APIResponse[R]]]:
    @functools.wraps(func)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseContextManager[APIResponse[R]]:
        _mark(kwargs, "stream")
        return ResponseContextManager(
            cast(Callable[[], APIResponse[R]], functools.partial(func, *args, **kwargs))
        )

    return wrapped


def async_to_streamed_response_wrapper(
    func: Callable[P, Awaitable[R]],
) -> Callable[P, AsyncResponseContextManager[AsyncAPIResponse[R]]]:
    @functools.wraps(func)
    def wrapped(
        *args: P.args, **kwargs: P.kwargs
    ) -> AsyncResponseContextManager[AsyncAPIResponse[R]]:
        _mark(kwargs, "stream")
        return AsyncResponseContextManager(
            cast(Awaitable[AsyncAPIResponse[R]], func(*args, **kwargs))
        )

    return wrapped


def to_custom_raw_response_wrapper(
    func: Callable[P, object], response_cls: type[_ResponseT]
) -> Callable[P, _ResponseT]:
    @functools.wraps(func)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> _ResponseT:
        _mark(kwargs, "raw", response_cls)
        return cast(_ResponseT, func(*args, **kwargs))

    return wrapped


def async_to_custom_raw_response_wrapper(
    func: Callable[P, Awaitable[object]], response_cls: type[_ResponseT]
) -> Callable[P, Awaitable[_ResponseT]]:
    @functools.wraps(func)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> _ResponseT:
        _mark(kwargs, "raw", response_cls)
        return cast(_ResponseT, await func(*args, **kwargs))

    return wrapped


def to_custom_streamed_response_wrapper(
    func: Callable[P, object], response_cls: type[_ResponseT]
) -> Callable[P, ResponseContextManager[_ResponseT]]:
    @functools.wraps(func)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseContextManager[_ResponseT]:
        _mark(kwargs, "stream", response_cls)
        return ResponseContextManager(
            cast(Callable[[], _ResponseT], functools.partial(func, *args, **kwargs))
        )

    return wrapped


def async_to_custom_streamed_response_wrapper(
    func: Callable[P, Awaitable[object]], response_cls: type[_ResponseT]
) -> Callable[P, AsyncResponseContextManager[_ResponseT]]:
    @functools.wraps(func)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> AsyncResponseContextManager[_ResponseT]:
        _mark(kwargs, "stream", response_cls)
        return AsyncResponseContextManager(cast(Awaitable[_ResponseT], func(*args, **kwargs)))

    return wrapped


__all__ = [
    "APIResponse",
    "APIResponseValidationError",
    "AsyncAPIResponse",
    "AsyncBinaryAPIResponse",
    "AsyncResponseContextManager",
    "AsyncStream",
    "AsyncStreamedBinaryAPIResponse",
    "BaseAPIResponse",
    "BinaryAPIResponse",
    "MissingStreamClassError",
    "NoneType",
    "ResponseContextManager",
    "Stream",
    "StreamAlreadyConsumed",
    "StreamedBinaryAPIResponse",
    "async_to_custom_raw_response_wrapper",
    "async_to_custom_streamed_response_wrapper",
    "async_to_raw_response_wrapper",
    "async_to_streamed_response_wrapper",
    "to_custom_raw_response_wrapper",
    "to_custom_streamed_response_wrapper",
    "to_raw_response_wrapper",
    "to_streamed_response_wrapper",
]
