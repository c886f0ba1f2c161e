"""An httpx transport that leaves the cores to the server it measures: HTTP/1.1, asyncio, httptools.

httpx's own transport (httpcore, h11, anyio) spends two to three times as much CPU on a token of a
stream, which a server on the same cores then lacks (`bench/LOG.md`). This one hands over each read
of the socket as one part, whatever the number of HTTP chunks in it. No proxies, no HTTP/2.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from collections.abc import AsyncIterator

import httptools
import httpx

MAX_IDLE_S = 2.0
"""Age at which a kept connection is not used again; servers close theirs after 5 s (uvicorn)."""
_READ_BYTES = 65536


class BenchmarkTransport(httpx.AsyncBaseTransport):
    """Keeps connections where request and answer allow it (RFC 9112 9.3).

    Raises `httpx.NetworkError` or `httpx.RemoteProtocolError`.
    """

    def __init__(self) -> None:
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        connection = self._kept_connection() or await _connect(request.url)
        try:
            status, headers = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        return httpx.Response(status, headers=headers, stream=_Body(connection, self._idle))

    async def aclose(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _kept_connection(self) -> _Connection | None:
        """The one that was used last."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_reusable:
                return connection
            connection.close()
        return None


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


async def _connect(url: httpx.URL) -> _Connection:
    context = _ssl_context() if url.scheme == "https" else None
    port = url.port or (443 if context else 80)
    try:
        return _Connection(*await asyncio.open_connection(url.host, port, ssl=context))
    except OSError as error:
        raise httpx.ConnectError(str(error)) from error


class _Body(httpx.AsyncByteStream):
    def __init__(self, connection: _Connection, idle: list[_Connection]) -> None:
        self._connection = connection
        self._idle = idle

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while part := await self._connection.next_part():
            yield part

    async def aclose(self) -> None:
        if self._connection.is_reusable:
            self._idle.append(self._connection)
        else:
            self._connection.close()


class _Connection:
    """A socket that has one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: httpx.Request) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Send it and wait for the head of the answer: status and headers."""
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._has_head = self._is_whole = False
        self._is_kept = request.headers.get("connection") != "close"
        lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
        lines += [b"%b: %b" % header for header in request.headers.raw]
        self._writer.write(b"\r\n".join((*lines, b"", await request.aread())))
        while not self._has_head:
            await self._read()
        return self._parser.get_status_code(), self._headers

    async def next_part(self) -> bytes:
        """What has come of the body since the last call; empty at its end."""
        while not self._parts and not self._is_whole:
            await self._read()
        part = b"".join(self._parts)
        self._parts.clear()
        return part

    @property
    def is_reusable(self) -> bool:
        """The answer is whole, not long ago, and both sides keep the connection."""
        is_free = self._is_whole and self._is_kept and not self._reader.at_eof()
        return is_free and time.monotonic() < self._ended_s + MAX_IDLE_S

    def close(self) -> None:
        self._writer.close()

    async def _read(self) -> None:
        try:
            received = await self._reader.read(_READ_BYTES)
            self._parser.feed_data(received)
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        except httptools.HttpParserError as error:
            raise httpx.RemoteProtocolError(f"not HTTP: {error}") from error
        if not received:
            names = {name.lower() for name, _ in self._headers}
            if not self._has_head or names & {b"content-length", b"transfer-encoding"}:
                raise httpx.RemoteProtocolError("the connection ended within an answer")
            self._is_whole = True  # the end of the connection ends the body (RFC 9112 6.3)
            self._is_kept = False

    # Called by httptools.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._is_whole = True
        self._is_kept &= self._parser.should_keep_alive()
        self._ended_s = time.monotonic()
