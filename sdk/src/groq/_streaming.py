"""Streams of decoded events: the pure reader, and the two thin shells that pull bytes into it.

Promises of both shells, each with a test over a loopback server:
- leaving the loop (break, return, exception, cancellation) and dropping the stream close the
  connection at once, so the server stops generating;
- after `[DONE]` iteration ends; it waits at most DRAIN_AFTER_DONE_S for the end of the HTTP body,
  so that the connection can be used again;
- every fault is an APIError: a cut connection, broken JSON, an error event, a passed deadline.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
)
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

import httpx

from ._constants import DRAIN_AFTER_DONE_S
from ._deadline import Deadline
from ._exceptions import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    IncompleteStreamError,
    StreamClosedError,
    stream_error,
)
from ._faults import is_timeout, is_transport_fault, timeout_phase
from ._sse import EventDecoder, RawEvent, ServerSentEvent, SSEDecoder
from ._transport import ReadGovernor, interrupt_reads, running_loop

if TYPE_CHECKING:
    from ._client import AsyncGroq, Groq
    from ._request import FinalRequestOptions

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class ChunkReader(Generic[_T]):
    """Bytes in, chunks out: SSE decoding, JSON decoding, the end and its faults. Pure.

    Attributes:
        is_done: `[DONE]` has been read.
        finish_reason: that of the first choice, once a chunk has told it.
        num_chunks: how many chunks have been handed out.
    """

    def __init__(self, cast_to: Any, response: httpx.Response, *, strict: bool = False) -> None:
        self._cast_to = cast_to
        self._strict = strict
        self.response = response
        self._decoder = EventDecoder()
        self._fast: Callable[..., Any] | None = None
        self._lenient: Callable[[bytes], Any] | None = None
        self._text: list[str] = []
        self.is_done = False
        self.finish_reason: str | None = None
        self.num_chunks = 0

    def restart(self, response: httpx.Response) -> None:
        """Go on with another response; only before the first chunk has been handed out."""
        assert self.num_chunks == 0
        self.response = response
        self._decoder = EventDecoder()

    @property
    def is_complete(self) -> bool:
        """Whether the answer came to an end: `[DONE]`, or a finish reason."""
        return self.is_done or self.finish_reason is not None

    @property
    def partial_text(self) -> str:
        """The content of the first choice so far."""
        return "".join(self._text)

    def take_single(self, received: bytes) -> _T | None:
        """The chunk, if `received` is exactly one plain event; None if `feed` must look at it."""
        data = self._decoder.single(received)
        return None if data is None else cast(_T, self._chunk(data))

    def feed(self, received: bytes) -> Iterator[_T]:
        """Yield the chunks that `received` completes.

        Raises APIError for an error event, APIResponseValidationError for an event that is no
        JSON. Stops, with `is_done`, at `[DONE]`; what follows it is not looked at.
        """
        for event in self._decoder.feed(received):
            name, data = event.name, event.data
            if data.startswith(b"[DONE]"):
                self.is_done = True
                return
            if name is not None:
                if name == "error":
                    raise stream_error(self._error_payload(event), self.response)
                if name != "message":  # an event of a kind nobody here listens to
                    continue
            yield self._chunk(data)

    def _chunk(self, data: bytes) -> Any:
        if self._lenient is None:
            from ._decode import event_decoders  # pydantic: after the request has been written

            self._fast, self._lenient = event_decoders(self._cast_to, strict=self._strict)
        if self._fast is None:
            chunk = self._decode_leniently(data)
        else:
            try:
                chunk = self._fast(data, strict=True)
            except ValueError:
                chunk = self._decode_leniently(data)
            else:
                if chunk.__pydantic_extra__ and chunk.__pydantic_extra__.get("error"):
                    raise stream_error(chunk.__pydantic_extra__["error"], self.response)
        self._note(chunk)
        self.num_chunks += 1
        return chunk

    def _decode_leniently(self, data: bytes) -> Any:
        assert self._lenient is not None
        try:
            chunk = self._lenient(data)
        except ValueError as error:
            text = data.decode("utf-8", "replace")
            raise APIResponseValidationError(
                self.response, text, message=f"The stream holds an event that is no chunk: {error}"
            ) from error
        if isinstance(chunk, dict) and chunk.get("error"):
            raise stream_error(chunk["error"], self.response)
        return chunk

    def _note(self, chunk: Any) -> None:
        """Keep the first choice's text, and how it ended."""
        try:
            for choice in chunk.choices:
                if choice.index == 0:
                    content = choice.delta.content
                    if content:
                        self._text.append(content)
                    if choice.finish_reason is not None:
                        self.finish_reason = choice.finish_reason
        except (AttributeError, TypeError):
            return  # a server's own idea of a chunk: the caller gets it as it is

    def _error_payload(self, event: RawEvent) -> object:
        text = event.data.decode("utf-8", "replace")
        try:
            payload = json.loads(text)
        except ValueError:
            return text
        return payload

    def fault(self, error: BaseException, deadline: Deadline | None) -> APIError:
        """The typed error for a transport fault in the middle of the stream."""
        request = self.response.request
        expired = None if deadline is None else deadline.expired_phase
        if expired is not None or is_timeout(error):
            phase = expired or timeout_phase(error)
            return APITimeoutError(
                request,
                message=f"The stream timed out ({phase}) after {self.num_chunks} events.",
                phase=phase,
                partial_text=self.partial_text,
            )
        return IncompleteStreamError(
            message=f"The connection was lost after {self.num_chunks} events: {error}",
            request=request,
            partial_text=self.partial_text,
        )

    def incomplete(self) -> IncompleteStreamError:
        return IncompleteStreamError(
            message=(
                f"The stream ended after {self.num_chunks} events without [DONE] or a finish reason."
            ),
            request=self.response.request,
            partial_text=self.partial_text,
        )

    def timeout(self, phase: str) -> APITimeoutError:
        return APITimeoutError(
            self.response.request,
            message=f"The stream timed out ({phase}) after {self.num_chunks} events.",
            phase=phase,
            partial_text=self.partial_text,
        )


class _End:
    """What a stream and its running iterator, which do not know each other, share about the end.

    `must_be_complete` is asked by the owner; `is_reached` is told by the iterator.
    """

    __slots__ = ("is_reached", "must_be_complete")

    def __init__(self) -> None:
        self.must_be_complete = False
        self.is_reached = False


def _bytes_of(response: httpx.Response) -> Iterator[bytes]:
    # Undoing a content encoding costs as much as the whole decoding of an event: skip if absent.
    if response.headers.get("content-encoding") or not _is_streaming(response):
        return response.iter_bytes()
    return response.iter_raw()


def _async_bytes_of(response: httpx.Response) -> AsyncIterator[bytes]:
    if response.headers.get("content-encoding") or not _is_streaming(response):
        return response.aiter_bytes()
    return response.aiter_raw()


def _is_streaming(response: httpx.Response) -> bool:
    """False once the body is in memory, as that of a mock or of a raw wrapper."""
    return not (response.is_stream_consumed or hasattr(response, "_content"))


def _chunks(
    reader: ChunkReader[_T],
    deadline: Deadline | None,
    end: _End,
    reopen: Callable[[APIError], httpx.Response] | None,
) -> Generator[_T, None, None]:
    """The life of a stream. Holds no reference to the Stream, so that dropping that closes this."""
    while True:
        response = reader.response
        governor = ReadGovernor(response, deadline)
        if deadline is not None:
            governor.install()
        try:
            received = _bytes_of(response)
            try:
                for piece in received:
                    single = reader.take_single(piece)
                    if single is not None:
                        if deadline is not None:
                            deadline.note_token()
                        yield single
                        continue
                    for chunk in reader.feed(piece):
                        if deadline is not None:
                            deadline.note_token()
                        yield chunk
                    if reader.is_done:
                        break
                    if deadline is not None and (phase := deadline.expired_phase):
                        raise reader.timeout(phase)
            except Exception as error:
                if not is_transport_fault(error):
                    raise
                if not (reader.is_complete and not is_timeout(error)):
                    raise reader.fault(error, deadline) from error
            if end.must_be_complete and not reader.is_complete:
                raise reader.incomplete()
            if reader.is_done and governor.is_available:
                _drain(received, governor)
            end.is_reached = True
            return
        except APIError as error:
            if reopen is None or reader.num_chunks > 0:
                raise
            fault = error
        finally:
            governor.remove()
            response.close()
        # Nothing has been handed out: try again, as for any other call. Or raise the fault.
        reader.restart(reopen(fault))


def _drain(received: Iterator[bytes], governor: ReadGovernor) -> None:
    """Read to the end of the body if that is a matter of milliseconds: it saves the connection."""
    governor.limit_reads(DRAIN_AFTER_DONE_S)
    governor.install()
    try:
        for _ in received:
            pass
    except Exception as error:
        if not is_transport_fault(error):
            raise


def _nothing() -> Generator[Any, None, None]:
    """The rest of a stream that has been read to its end."""
    yield from ()


async def _async_nothing() -> AsyncGenerator[Any, None]:
    nothing: tuple[Any, ...] = ()
    for chunk in nothing:
        yield chunk


class Stream(Generic[_T]):
    """A streamed answer: iterate over it once, in the thread that holds it.

    Leaving a `for` loop over it closes it. It is a context manager too, which only matters where
    it may never be iterated.
    """

    _options: FinalRequestOptions | None = None
    _decoder: SSEDecoder

    def __init__(
        self,
        *,
        cast_to: Any,  # a class, or the lazy name of one
        response: httpx.Response,
        client: Groq,
        options: FinalRequestOptions | None = None,
        _deadline: Deadline | None = None,
        _reopen: Callable[[APIError], httpx.Response] | None = None,
    ) -> None:
        self._cast_to = cast_to
        self._client = client
        self._options = options
        self._reader: ChunkReader[_T] = ChunkReader(
            cast_to, response, strict=client._strict_response_validation
        )
        self._end = _End()
        self._iterator: Generator[_T, None, None] | None = _chunks(
            self._reader, _deadline, self._end, _reopen
        )
        self._handed_out: weakref.ref[Generator[_T, None, None]] | None = None

    @property
    def response(self) -> httpx.Response:
        """The HTTP response whose body is being read."""
        return self._reader.response

    @property
    def completed(self) -> bool:
        """Whether the answer came to its end: `[DONE]` or a finish reason has been read."""
        return self._reader.is_complete

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended; None while it has not."""
        return self._reader.finish_reason

    @property
    def partial_text(self) -> str:
        """The content of the first choice so far."""
        return self._reader.partial_text

    @property
    def request_id(self) -> str | None:
        return cast("str | None", self.response.headers.get("x-request-id"))

    def require_complete(self) -> Self:
        """From now on raise IncompleteStreamError if the stream ends before the answer does."""
        self._end.must_be_complete = True
        return self

    def _current(self) -> Generator[_T, None, None]:
        if self._iterator is not None:
            return self._iterator
        iterator = None if self._handed_out is None else self._handed_out()
        if iterator is not None:
            return iterator
        if self._end.is_reached:
            return _nothing()
        raise StreamClosedError

    def __next__(self) -> _T:
        return self._current().__next__()

    def __iter__(self) -> Iterator[_T]:
        iterator = self._current()
        # From here on the loop owns the iterator: when it lets go of it, the stream closes.
        self._handed_out = weakref.ref(iterator)
        self._iterator = None
        return iterator

    def _iter_events(self) -> Iterator[ServerSentEvent]:
        yield from SSEDecoder().iter_bytes(self.response.iter_bytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and tell the server so by closing the connection. May be called repeatedly."""
        iterator = self._iterator or (self._handed_out() if self._handed_out else None)
        if iterator is not None and not getattr(iterator, "gi_running", False):
            iterator.close()
            self._iterator = self._handed_out = None  # so that going on is an error, not an end
        elif iterator is not None:
            interrupt_reads(self.response)  # of the thread that waits for the next chunk
        self.response.close()

    def __del__(self) -> None:
        # An iterator that was never started has no `finally` to run.
        iterator = self.__dict__.get("_iterator")
        if iterator is not None and not self.response.is_closed:
            self.response.close()


async def _async_chunks(
    reader: ChunkReader[_T],
    deadline: Deadline | None,
    end: _End,
    reopen: Callable[[APIError], Awaitable[httpx.Response]] | None,
) -> AsyncGenerator[_T, None]:
    """`_chunks`, awaiting."""
    while True:
        response = reader.response
        governor = ReadGovernor(response, deadline)
        if deadline is not None:
            governor.install()
        try:
            received = _async_bytes_of(response)
            try:
                async for piece in received:
                    single = reader.take_single(piece)
                    if single is not None:
                        if deadline is not None:
                            deadline.note_token()
                        yield single
                        continue
                    for chunk in reader.feed(piece):
                        if deadline is not None:
                            deadline.note_token()
                        yield chunk
                    if reader.is_done:
                        break
                    if deadline is not None and (phase := deadline.expired_phase):
                        raise reader.timeout(phase)
            except Exception as error:
                if not is_transport_fault(error):
                    raise
                if not (reader.is_complete and not is_timeout(error)):
                    raise reader.fault(error, deadline) from error
            if end.must_be_complete and not reader.is_complete:
                raise reader.incomplete()
            if reader.is_done and governor.is_available:
                await _adrain(received, governor)
            end.is_reached = True
            return
        except APIError as error:
            if reopen is None or reader.num_chunks > 0:
                raise
            fault = error
        finally:
            governor.remove()
            await response.aclose()
        # Nothing has been handed out: try again, as for any other call. Or raise the fault.
        reader.restart(await reopen(fault))


async def _adrain(received: AsyncIterator[bytes], governor: ReadGovernor) -> None:
    governor.limit_reads(DRAIN_AFTER_DONE_S)
    governor.install()
    try:
        async for _ in received:
            pass
    except Exception as error:
        if not is_transport_fault(error):
            raise


class AsyncStream(Generic[_T]):
    """A streamed answer: iterate over it once, with `async for`, in the task that holds it.

    Leaving the loop closes it. See Stream for the rest; the words are the same.
    """

    _options: FinalRequestOptions | None = None
    _decoder: SSEDecoder

    def __init__(
        self,
        *,
        cast_to: Any,  # a class, or the lazy name of one
        response: httpx.Response,
        client: AsyncGroq,
        options: FinalRequestOptions | None = None,
        _deadline: Deadline | None = None,
        _reopen: Callable[[APIError], Awaitable[httpx.Response]] | None = None,
    ) -> None:
        self._cast_to = cast_to
        self._client = client
        self._options = options
        self._reader: ChunkReader[_T] = ChunkReader(
            cast_to, response, strict=client._strict_response_validation
        )
        self._end = _End()
        self._iterator: AsyncGenerator[_T, None] | None = _async_chunks(
            self._reader, _deadline, self._end, _reopen
        )
        self._handed_out: weakref.ref[AsyncGenerator[_T, None]] | None = None

    @property
    def response(self) -> httpx.Response:
        """The HTTP response whose body is being read."""
        return self._reader.response

    @property
    def completed(self) -> bool:
        """Whether the answer came to its end: `[DONE]` or a finish reason has been read."""
        return self._reader.is_complete

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended; None while it has not."""
        return self._reader.finish_reason

    @property
    def partial_text(self) -> str:
        """The content of the first choice so far."""
        return self._reader.partial_text

    @property
    def request_id(self) -> str | None:
        return cast("str | None", self.response.headers.get("x-request-id"))

    def require_complete(self) -> Self:
        """From now on raise IncompleteStreamError if the stream ends before the answer does."""
        self._end.must_be_complete = True
        return self

    def _current(self) -> AsyncGenerator[_T, None]:
        if self._iterator is not None:
            return self._iterator
        iterator = None if self._handed_out is None else self._handed_out()
        if iterator is not None:
            return iterator
        if self._end.is_reached:
            return _async_nothing()
        raise StreamClosedError

    async def __anext__(self) -> _T:
        return await self._current().__anext__()

    def __aiter__(self) -> AsyncIterator[_T]:
        iterator = self._current()
        self._handed_out = weakref.ref(iterator)
        self._iterator = None
        return iterator

    async def _iter_events(self) -> AsyncIterator[ServerSentEvent]:
        async for event in SSEDecoder().aiter_bytes(self.response.aiter_bytes()):
            yield event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop, and tell the server so by closing the connection. May be called repeatedly."""
        iterator = self._iterator or (self._handed_out() if self._handed_out else None)
        if iterator is not None and not getattr(iterator, "ag_running", False):
            await iterator.aclose()
            self._iterator = self._handed_out = None  # so that going on is an error, not an end
        await self.response.aclose()

    async def aclose(self) -> None:
        """The same as `close`, under the name that `contextlib.aclosing` looks for."""
        await self.close()

    def __del__(self) -> None:
        # Dropped before the first step: nobody is suspended in a `finally`, so ask the loop.
        iterator = self.__dict__.get("_iterator")
        if iterator is None or self.response.is_closed:
            return
        loop = running_loop()
        if loop is not None:
            loop.create_task(self.response.aclose())


def is_stream_class_type(type_: Any) -> bool:
    origin = getattr(type_, "__origin__", type_)
    return isinstance(origin, type) and issubclass(origin, (Stream, AsyncStream))


def extract_stream_chunk_type(stream_cls: Any, *, failure_message: str | None = None) -> Any:
    """`T` of `Stream[T]` or `AsyncStream[T]`."""
    arguments = getattr(stream_cls, "__args__", ())
    if not arguments:
        raise TypeError(failure_message or f"{stream_cls} names no chunk type")
    return arguments[0]


for _public in (Stream, AsyncStream):
    _public.__module__ = "groq"
del _public

__all__ = [
    "APIConnectionError",
    "APIError",
    "AsyncStream",
    "ChunkReader",
    "SSEDecoder",
    "ServerSentEvent",
    "Stream",
    "extract_stream_chunk_type",
    "is_stream_class_type",
]
