"""Clients that behave badly, on bare sockets: they leave, do not read, do not finish what they send."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from galop.benchmark.client import Body
from reliability.answers import PATH

LONGEST_STAY_S = 2.0
_FEW_BYTES = 4096
_AT_ONCE = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing sends a reset instead of a farewell."""


def request_bytes(content: bytes) -> bytes:
    """An HTTP/1.1 request with this body, JSON or not."""
    head = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


def send_bytes(port: int, sent: bytes, timeout_s: float) -> bytes:
    """Send anything at all, and nothing after it. What the server says until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(65536):
                received += piece
    return received


async def abandon(port: int, body: Body, draw: random.Random) -> None:
    """Connect, send part of a request or all of it, read for a while, and vanish."""
    request = _request(body)
    length = len(request) if draw.random() < 0.8 else draw.randrange(len(request))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(OSError, TimeoutError):
        writer.write(request[:length])
        async with asyncio.timeout(draw.uniform(0, LONGEST_STAY_S)):
            while await reader.read(65536):
                pass
    if draw.random() < 0.5:
        writer.transport.abort()
    writer.close()


@contextmanager
def open_unread(port: int, body: Body) -> Iterator[None]:
    """A client that asks and then reads nothing, with the least of buffers of its own."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _FEW_BYTES)
        client.connect(("127.0.0.1", port))
        client.sendall(_request(body))
        yield


class HalfOpen:
    """Three kinds of sockets, so many of each: silent, within the headers, within the body."""

    def __init__(self, port: int, num_each: int) -> None:
        request = _request({"model": "m", "messages": []})
        begun = [b"", request[:30], request[:-5]] * num_each
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in begun]
        for client, start in zip(self._sockets, begun, strict=True):
            client.sendall(start)

    def __enter__(self) -> HalfOpen:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for client in self._sockets:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            client.close()

    async def num_open_after(self, seconds: float) -> int:
        """How many the server has not closed by then."""
        await asyncio.sleep(seconds)
        return sum(map(_is_open, self._sockets))


def _request(body: Body) -> bytes:
    return request_bytes(json.dumps(body).encode())


def _is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
