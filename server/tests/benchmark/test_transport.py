"""Connections: which are kept, and what a broken one raises. Bodies are tested with the client."""

from __future__ import annotations

import asyncio

import pytest

from galop.benchmark.client import Client, Exchange

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAST_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


async def exchanges_with(
    answer: bytes, num_requests: int, *, keeps_connections: bool
) -> tuple[list[Exchange], int]:
    """What one request after the other got, and how many connections they took."""
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        while await reader.readline():  # nothing comes when the client has closed
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            if answer != ANSWER:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Client(url, keeps_connections=keeps_connections) as client:
            found = [await client.send(client.get("/")) for _ in range(num_requests)]
        await asyncio.gather(*(each for each in connections if each))
    return found, len(connections)


@pytest.mark.parametrize(
    ("answer", "keeps_connections", "expected"),
    [(ANSWER, True, 1), (ANSWER, False, 3), (LAST_ANSWER, True, 3)],
)
async def test_a_connection_is_kept_if_both_sides_keep_it(
    answer: bytes, keeps_connections: bool, expected: int
) -> None:
    """Three requests take one connection, or three where the client or the server says close."""
    found, num_connections = await exchanges_with(answer, 3, keeps_connections=keeps_connections)
    assert [each.content for each in found] == [b"ok"] * 3
    assert num_connections == expected


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200", b"SSH-2.0-x\r\n", ANSWER[:-1]],
    ids=["nothing", "half a head", "not HTTP", "half a body"],
)
async def test_an_answer_that_breaks_off_is_a_result(answer: bytes) -> None:
    """`send` raises nothing; `broken` says what happened."""
    (exchange,), _ = await exchanges_with(answer, 1, keeps_connections=False)
    assert exchange.broken
    assert exchange.ended_s > exchange.sent_s


async def test_a_cancelled_request_closes_its_connection() -> None:
    """The server sees the client leave."""
    has_left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER[:-1])
        await reader.read()
        has_left.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        arrived = asyncio.Event()
        sending = asyncio.create_task(client.send(client.get("/"), lambda _: arrived.set()))
        await arrived.wait()
        sending.cancel()
        await asyncio.wait_for(has_left.wait(), 5)
