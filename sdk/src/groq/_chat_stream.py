"""`chat.completions.stream()`: a stream told as events, and folded into a completion on the way.

The events and the folding are pure (`EventTeller`); the two shells only pull chunks.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from ._accumulator import ChatCompletionAccumulator, ChoiceParts
from ._parsing import parse_completion
from ._structured import parse_text, partial_value

if TYPE_CHECKING:
    from ._streaming import AsyncStream, Stream
    from .types.chat.chat_completion import ChatCompletion
    from .types.chat.chat_completion_chunk import ChatCompletionChunk
    from .types.chat.parsed_chat_completion import ParsedChatCompletion

T = TypeVar("T")


class ChunkEvent:
    """`type` "chunk": an event of the stream as it came, before what it means is told."""

    __slots__ = ("chunk",)
    type: Literal["chunk"] = "chunk"

    def __init__(self, chunk: ChatCompletionChunk) -> None:
        self.chunk = chunk

    def __repr__(self) -> str:
        return f"ChunkEvent(chunk={self.chunk!r})"


class ContentDeltaEvent(Generic[T]):
    """`type` "content.delta": more text of choice `index`."""

    __slots__ = ("_parts", "_response_type", "delta", "index")
    type: Literal["content.delta"] = "content.delta"

    def __init__(self, delta: str, index: int, parts: ChoiceParts, response_type: Any) -> None:
        self.delta = delta
        self.index = index
        self._parts = parts
        self._response_type = response_type

    @property
    def snapshot(self) -> str:
        """All text of this choice so far, including what came after this event."""
        return self._parts.content

    @property
    def partial(self) -> T | None:
        """The document so far: fields that have not come yet are None or their defaults.

        Reads the text from its beginning on every access; None while there is nothing to read.
        """
        if self._response_type is None:
            return None
        value: T | None = partial_value(self._response_type, self.snapshot)
        return value

    def __repr__(self) -> str:
        return f"ContentDeltaEvent(delta={self.delta!r}, index={self.index})"


class ContentDoneEvent(Generic[T]):
    """`type` "content.done": the text of choice `index` is complete, and parsed if asked for."""

    __slots__ = ("content", "index", "parsed")
    type: Literal["content.done"] = "content.done"

    def __init__(self, content: str, index: int, parsed: T | None) -> None:
        self.content = content
        self.index = index
        self.parsed = parsed

    def __repr__(self) -> str:
        return f"ContentDoneEvent(content={self.content!r}, index={self.index})"


class ReasoningDeltaEvent:
    """`type` "reasoning.delta": more of what the model thinks before it answers."""

    __slots__ = ("delta", "index")
    type: Literal["reasoning.delta"] = "reasoning.delta"

    def __init__(self, delta: str, index: int) -> None:
        self.delta = delta
        self.index = index

    def __repr__(self) -> str:
        return f"ReasoningDeltaEvent(delta={self.delta!r}, index={self.index})"


class ToolCallArgumentsDeltaEvent:
    """`type` "tool_calls.function.arguments.delta": more arguments of tool call `index`."""

    __slots__ = ("arguments_delta", "choice_index", "index", "name")
    type: Literal["tool_calls.function.arguments.delta"] = "tool_calls.function.arguments.delta"

    def __init__(self, name: str, index: int, arguments_delta: str, choice_index: int) -> None:
        self.name = name
        self.index = index
        self.arguments_delta = arguments_delta
        self.choice_index = choice_index

    def __repr__(self) -> str:
        return (
            f"ToolCallArgumentsDeltaEvent(name={self.name!r}, index={self.index},"
            f" arguments_delta={self.arguments_delta!r})"
        )


class ToolCallArgumentsDoneEvent:
    """`type` "tool_calls.function.arguments.done": tool call `index` is complete."""

    __slots__ = ("arguments", "choice_index", "index", "name", "parsed_arguments")
    type: Literal["tool_calls.function.arguments.done"] = "tool_calls.function.arguments.done"

    def __init__(
        self, name: str, index: int, arguments: str, parsed_arguments: Any, choice_index: int
    ) -> None:
        self.name = name
        self.index = index
        self.arguments = arguments
        self.parsed_arguments = parsed_arguments
        self.choice_index = choice_index

    def __repr__(self) -> str:
        return (
            f"ToolCallArgumentsDoneEvent(name={self.name!r}, index={self.index},"
            f" arguments={self.arguments!r})"
        )


ChatCompletionStreamEvent = (
    ChunkEvent
    | ContentDeltaEvent[T]
    | ContentDoneEvent[T]
    | ReasoningDeltaEvent
    | ToolCallArgumentsDeltaEvent
    | ToolCallArgumentsDoneEvent
)


class EventTeller(Generic[T]):
    """Chunks in, events out. Pure."""

    def __init__(self, response_type: Any, tool_types: dict[str, Any]) -> None:
        self.accumulator: ChatCompletionAccumulator = ChatCompletionAccumulator()
        self._response_type = response_type
        self._tool_types = tool_types
        self._done: set[int] = set()

    def tell(self, chunk: ChatCompletionChunk) -> Iterator[ChatCompletionStreamEvent[T]]:
        """The events that `chunk` amounts to, the chunk itself first.

        Raises OutputParseError when a choice ends, and its text or arguments are not what was
        asked for; a choice that hit its token limit is not parsed here.
        """
        yield ChunkEvent(chunk)
        accumulator = self.accumulator
        accumulator.add(chunk)
        for choice in chunk.choices or ():
            index, delta = choice.index, choice.delta
            parts = accumulator.choices[index]
            if delta is not None:
                if delta.content:
                    yield ContentDeltaEvent(delta.content, index, parts, self._response_type)
                if delta.reasoning:
                    yield ReasoningDeltaEvent(delta.reasoning, index)
                for call in delta.tool_calls or ():
                    if call.function is not None and call.function.arguments:
                        name = parts.tool_call(call.index).name or ""
                        yield ToolCallArgumentsDeltaEvent(
                            name, call.index, call.function.arguments, index
                        )
            if choice.finish_reason is not None and index not in self._done:
                self._done.add(index)
                yield from self._finish(parts)

    def _finish(self, parts: ChoiceParts) -> Iterator[ChatCompletionStreamEvent[T]]:
        is_whole = parts.finish_reason not in ("length", "content_filter")
        for call_index in sorted(parts.tool_calls):
            call = parts.tool_calls[call_index]
            type_ = self._tool_types.get(call.name or "") if is_whole else None
            parsed = None if type_ is None else parse_text(type_, call.arguments)
            yield ToolCallArgumentsDoneEvent(
                call.name or "", call_index, call.arguments, parsed, parts.index
            )
        if parts.content:
            wanted = self._response_type if is_whole and not parts.tool_calls else None
            document = None if wanted is None else parse_text(wanted, parts.content)
            yield ContentDoneEvent(parts.content, parts.index, document)

    def final(self) -> ParsedChatCompletion[T]:
        completion: ChatCompletion = self.accumulator.completion()
        return parse_completion(completion, self._response_type, self._tool_types)


def _events(
    stream: Stream[ChatCompletionChunk], teller: EventTeller[T]
) -> Generator[ChatCompletionStreamEvent[T], None, None]:
    for chunk in stream:
        yield from teller.tell(chunk)


class ChatCompletionStream(Generic[T]):
    """An answer told as events. Iterate over it once; leaving the loop closes it."""

    def __init__(self, stream: Stream[ChatCompletionChunk], teller: EventTeller[T]) -> None:
        self._stream = stream
        self._teller = teller
        self._iterator: Iterator[ChatCompletionStreamEvent[T]] | None = _events(stream, teller)

    @property
    def response(self) -> Any:
        """The HTTP response, httpx's own object."""
        return self._stream.response

    def __iter__(self) -> Iterator[ChatCompletionStreamEvent[T]]:
        iterator, self._iterator = self._iterator, None
        return iter(()) if iterator is None else iterator

    @property
    def text_stream(self) -> Iterator[str]:
        """The text of the first choice, piece by piece."""
        for event in self:
            if event.type == "content.delta" and event.index == 0:
                yield event.delta

    @property
    def current_completion_snapshot(self) -> ChatCompletion:
        """The answer so far; unparsed."""
        return self._teller.accumulator.completion()

    def until_done(self) -> Self:
        """Read what is left of the stream."""
        for _ in self:
            pass
        return self

    def get_final_completion(self) -> ParsedChatCompletion[T]:
        """Read to the end, and return the whole answer, parsed as asked for."""
        self.until_done()
        return self._teller.final()

    def get_final_text(self) -> str:
        """Read to the end, and return the text of the first choice."""
        self.until_done()
        return self._teller.accumulator.text

    def close(self) -> None:
        """Stop; the connection is closed at once."""
        self._stream.close()


class ChatCompletionStreamManager(Generic[T]):
    """Sends the request on entry, closes the stream on exit."""

    def __init__(
        self, open_stream: Callable[[], Stream[ChatCompletionChunk]], teller: EventTeller[T]
    ) -> None:
        self._open = open_stream
        self._teller = teller
        self._stream: ChatCompletionStream[T] | None = None

    def __enter__(self) -> ChatCompletionStream[T]:
        self._stream = ChatCompletionStream(self._open(), self._teller)
        return self._stream

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()


async def _async_events(
    stream: AsyncStream[ChatCompletionChunk], teller: EventTeller[T]
) -> AsyncGenerator[ChatCompletionStreamEvent[T], None]:
    async for chunk in stream:
        for event in teller.tell(chunk):
            yield event


class AsyncChatCompletionStream(Generic[T]):
    """An answer told as events. Iterate over it once; leaving the loop closes it."""

    def __init__(self, stream: AsyncStream[ChatCompletionChunk], teller: EventTeller[T]) -> None:
        self._stream = stream
        self._teller = teller
        self._iterator: AsyncGenerator[ChatCompletionStreamEvent[T], None] | None = _async_events(
            stream, teller
        )

    @property
    def response(self) -> Any:
        """The HTTP response, httpx's own object."""
        return self._stream.response

    async def __aiter__(self) -> AsyncIterator[ChatCompletionStreamEvent[T]]:
        iterator, self._iterator = self._iterator, None
        if iterator is not None:
            async for event in iterator:
                yield event

    @property
    async def text_stream(self) -> AsyncIterator[str]:
        """The text of the first choice, piece by piece."""
        async for event in self:
            if event.type == "content.delta" and event.index == 0:
                yield event.delta

    @property
    def current_completion_snapshot(self) -> ChatCompletion:
        """The answer so far; unparsed."""
        return self._teller.accumulator.completion()

    async def until_done(self) -> Self:
        """Read what is left of the stream."""
        async for _ in self:
            pass
        return self

    async def get_final_completion(self) -> ParsedChatCompletion[T]:
        """Read to the end, and return the whole answer, parsed as asked for."""
        await self.until_done()
        return self._teller.final()

    async def get_final_text(self) -> str:
        """Read to the end, and return the text of the first choice."""
        await self.until_done()
        return self._teller.accumulator.text

    async def close(self) -> None:
        """Stop; the connection is closed at once."""
        await self._stream.close()


class AsyncChatCompletionStreamManager(Generic[T]):
    """Sends the request on entry, closes the stream on exit."""

    def __init__(
        self,
        open_stream: Callable[[], Awaitable[AsyncStream[ChatCompletionChunk]]],
        teller: EventTeller[T],
    ) -> None:
        self._open = open_stream
        self._teller = teller
        self._stream: AsyncChatCompletionStream[T] | None = None

    async def __aenter__(self) -> AsyncChatCompletionStream[T]:
        self._stream = AsyncChatCompletionStream(await self._open(), self._teller)
        return self._stream

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            await self._stream.close()
