"""Clients on bare sockets: those that behave badly (they leave, do not read, do not finish what they send),
and one that costs little, for load that shares its cores with the server."""

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

from reliability.client import PATH, TIMEOUT_S, Answer, Body

LONGEST_STAY_S = 2.0
_FEW_BYTES = 4096
_AT_ONCE = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing sends a reset instead of a farewell."""


def request_bytes(body: Body) -> bytes:
    """An HTTP/1.1 request."""
    content = json.dumps(body).encode()
    head = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


async def ask_whole(port: int, body: Body) -> Answer:
    """Like `client.ask`, for answers in one piece, at a fraction of the CPU time."""
    answer = Answer()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(writer):
                writer.write(request_bytes(body))
                head, _, content = (await reader.read(-1)).partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        answer.status = int(status_line.split(" ")[1])
        answer.retry_after = headers.get("retry-after")
        answer.add(json.loads(content))
        answer.is_complete = True
    except (OSError, ValueError, LookupError) as error:  # TimeoutError is an OSError
        answer.broken = repr(error)
    return answer


async def abandon(port: int, body: Body, draw: random.Random) -> None:
    """Connect, send part of a request or all of it, read for a while, and vanish."""
    request = request_bytes(body)
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
        client.sendall(request_bytes(body))
        yield


class HalfOpen:
    """Three kinds of sockets, so many of each: silent, within the headers, within the body."""

    def __init__(self, port: int, num_each: int) -> None:
        request = request_bytes({"model": "m", "messages": []})
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
