"""Server-sent events: bytes in, events out. Pure, incremental, never touches a socket.

Follows the WHATWG event stream grammar (lines end in LF, CRLF or CR; a blank line dispatches;
comments start with a colon; one space after the colon is dropped), with two deliberate limits:
`id` and `retry` are read but nothing here reconnects.

The usual event of a chat completion is one line, `data: {...}`, then a blank line. It takes the
short way: found, sliced, handed on as bytes, never split into lines or decoded to text.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, NamedTuple


class RawEvent(NamedTuple):
    """One dispatched event. `name` is None where the stream gave none; `data` is UTF-8."""

    name: str | None
    data: bytes
    id: str | None = None
    retry_ms: int | None = None


class EventDecoder:
    """Feed it the bytes as they arrive, in pieces of any size; get the completed events.

    An event that the stream cuts off before its blank line is not dispatched; `has_partial`
    tells whether one was begun.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._at_start = True
        self._ended_with_cr = False
        self._last_id: str | None = None

    @property
    def has_partial(self) -> bool:
        return bool(self._pending.strip(b"\r\n"))

    def single(self, received: bytes) -> bytes | None:
        """The data of `received` if that is exactly one plain event of one line, else None.

        Servers send an event per packet, so this is nearly every call of a token stream; it saves
        half of what `feed` costs. After None, `feed` the same bytes.
        """
        # `10 in`, not `b"\n" in`: bytes look for a number seven times faster than for themselves.
        if received.startswith(b"data: {") and received.endswith(b"}\n\n") and not self._pending:
            data = received[6:-2]
            if 10 not in data and 13 not in data:
                self._at_start = self._ended_with_cr = False
                return data
        return None

    def feed(self, received: bytes) -> Iterator[RawEvent]:
        """Yield the events that `received` completes. Finish the iterator before feeding again."""
        if b"\r" in received or self._ended_with_cr:
            received = self._normalize_line_ends(received)
        pending = self._pending + received if self._pending else received
        if self._at_start and pending:
            if pending.startswith(b"\xef\xbb\xbf"):
                pending = pending[3:]
            elif b"\xef\xbb\xbf".startswith(pending):
                self._pending = pending
                return
            self._at_start = False
        start = 0
        while True:
            end = pending.find(b"\n\n", start)
            if end < 0:
                break
            block = pending[start:end]
            start = end + 2
            if block.startswith(b"data: ") and b"\n" not in block:
                yield RawEvent(None, block[6:], self._last_id)
            else:
                event = self._parse_block(block)
                if event is not None:
                    yield event
        self._pending = pending[start:] if start else pending

    def _normalize_line_ends(self, received: bytes) -> bytes:
        """CRLF and CR become LF; the LF of a CRLF that was cut in two is dropped."""
        if self._ended_with_cr and received.startswith(b"\n"):
            received = received[1:]
            self._ended_with_cr = False
        if received:
            self._ended_with_cr = received.endswith(b"\r")
        return received.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _parse_block(self, block: bytes) -> RawEvent | None:
        name: str | None = None
        retry_ms: int | None = None
        data: list[bytes] = []
        for line in block.split(b"\n"):
            field, colon, value = line.partition(b":")
            if not field:  # a comment, or the blank line of a longer run of blank lines
                continue
            if colon and value.startswith(b" "):
                value = value[1:]
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value.decode("utf-8", "replace") or None
            elif field == b"id" and b"\0" not in value:
                self._last_id = value.decode("utf-8", "replace")
            elif field == b"retry" and value.isdigit():
                retry_ms = int(value)
        if not data:
            return None
        return RawEvent(name, b"\n".join(data), self._last_id, retry_ms)


class ServerSentEvent:
    """One event as text, for code that reads events itself."""

    def __init__(
        self,
        *,
        event: str | None = None,
        data: str | None = None,
        id: str | None = None,
        retry: int | None = None,
    ) -> None:
        self.event = event
        self.data = "" if data is None else data
        self.id = id
        self.retry = retry

    def json(self) -> Any:  # the payload is whatever the server sent
        return json.loads(self.data)

    def __repr__(self) -> str:
        return (
            f"ServerSentEvent(event={self.event!r}, data={self.data!r},"
            f" id={self.id!r}, retry={self.retry!r})"
        )


def _as_text(event: RawEvent) -> ServerSentEvent:
    return ServerSentEvent(
        event=event.name,
        data=event.data.decode("utf-8", "replace"),
        id=event.id,
        retry=event.retry_ms,
    )


class SSEDecoder:
    """The published client's decoder interface, on top of EventDecoder."""

    def __init__(self) -> None:
        self._decoder = EventDecoder()

    def iter_bytes(self, iterator: Iterable[bytes]) -> Iterator[ServerSentEvent]:
        for received in iterator:
            for event in self._decoder.feed(received):
                yield _as_text(event)

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[ServerSentEvent]:
        async for received in iterator:
            for event in self._decoder.feed(received):
                yield _as_text(event)

    def decode(self, line: str) -> ServerSentEvent | None:
        """Take one line without its end; a blank line returns the event it completes, if any."""
        events = [_as_text(event) for event in self._decoder.feed(line.encode() + b"\n")]
        return events[-1] if events else None
