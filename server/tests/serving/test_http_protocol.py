"""Requests that get no further than their head, on connections of a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from galop.http.connection import RawHeaders
from galop.http.load_shedder import EarlyResponse
from galop.serving.connections import ConnectionGuard
from galop.serving.http_protocol import HttpProtocol

MALFORMED = EarlyResponse(400, [(b"content-length", b"3")], b"no\n")
FULL = EarlyResponse(503, [(b"content-length", b"5"), (b"x-a", b"b")], b"full\n")


def post(path: str, body: str = "{}", *, headers: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {len(body)}\r\n\r\n"
    return (head + body).encode()


class Served:
    """A server that refuses /full, and lets an application answer the rest when `may_answer` is set."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.state = ServerState()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._config = uvicorn.Config(
            self._app, interface="asgi3", log_config=None, lifespan="off", ws="none"
        )

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        is_complete = False
        while not is_complete:
            message = await receive()
            body += message["body"]
            is_complete = not message["more_body"]
        self.bodies.append(body)
        await self.may_answer.wait()
        path = scope["path"].encode()
        headers = [(b"content-length", str(len(path)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": path})

    def protocol(self) -> HttpProtocol:
        return HttpProtocol(
            config=self._config, server_state=self.state, app_state={}, load_shedder=self
        )

    def refuse_malformed(self, *, is_https: bool) -> EarlyResponse:
        return MALFORMED

    def refuse(
        self, method: bytes, target: bytes, headers: RawHeaders, *, is_https: bool
    ) -> EarlyResponse | None:
        assert (method, is_https) == (b"POST", False)
        return FULL if target == b"/full" else None


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[str, str]:
        """Head and body of the next response."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return head, (await self.reader.readexactly(length)).decode()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Served, Client]]:
    served = Served()
    server = await asyncio.get_running_loop().create_server(served.protocol, "127.0.0.1", 0)
    try:
        async with asyncio.timeout(5):
            client = Client(*await asyncio.open_connection(*server.sockets[0].getsockname()))
            yield served, client
            client.writer.close()
            await client.writer.wait_closed()
            while served.state.connections:
                await asyncio.sleep(0)
    finally:
        server.close()


async def test_the_connection_stays_and_the_body_is_forgotten() -> None:
    """Refused, served and refused, one after the other."""
    async with connected() as (served, client):
        for _ in range(2):
            client.writer.write(post("/full", "x" * 100_000))
            head, body = await client.answer()
            assert head.startswith("http/1.1 503 service unavailable\r\n")
            assert "\r\nx-a: b\r\n" in head
            assert "connection: close" not in head
            assert body == "full\n"
            client.writer.write(post("/a", "abc"))
            assert (await client.answer())[1] == "/a"
        assert served.bodies == [b"abc", b"abc"]
        assert served.state.total_requests == 4


async def test_the_answer_waits_for_the_end_of_the_body() -> None:
    """A client that still sends does not read."""
    async with connected() as (_, client):
        request = post("/full", "x" * 10)
        client.writer.write(request[:-5])
        await client.writer.drain()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.1)
        client.writer.write(request[-5:])
        assert (await client.answer())[1] == "full\n"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_refusal_closes_the_connection_if_the_client_asks_for_it(version: str) -> None:
    """By header, or by an old version."""
    async with connected() as (_, client):
        header = "connection: close\r\n" if version == "1.1" else ""
        client.writer.write(
            post("/full", headers=header).replace(b"HTTP/1.1", b"HTTP/" + version.encode())
        )
        head, _ = await client.answer()
        assert "\r\nconnection: close\r\n" in head
        assert await client.reader.read() == b""


async def test_answers_come_in_the_order_of_the_requests() -> None:
    """While an earlier answer is owed, nothing overtakes it (RFC 9112, 9.3.2)."""
    async with connected() as (served, client):
        served.may_answer.clear()
        client.writer.write(post("/a") + post("/full") + post("/b"))
        while not served.bodies:
            await asyncio.sleep(0)
        served.may_answer.set()
        assert [(await client.answer())[1] for _ in range(3)] == ["/a", "/full", "/b"]


@pytest.mark.parametrize("num_answers_before", [0, 1])
@pytest.mark.parametrize(
    "garbage",
    [
        b"no http\r\n\r\n",
        b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n",
    ],
)
async def test_malformed_http_is_a_400_and_ends_the_connection(
    garbage: bytes, num_answers_before: int
) -> None:
    """In the words of the API, whether the head or the body is wrong."""
    async with connected() as (_, client):
        for _ in range(num_answers_before):
            client.writer.write(post("/a"))
            assert (await client.answer())[1] == "/a"
        client.writer.write(garbage)
        head, body = await client.answer()
        assert head.startswith("http/1.1 400 bad request\r\n")
        assert "\r\nconnection: close\r\n" in head
        assert body == "no\n"
        assert await client.reader.read() == b""


async def test_an_answer_that_is_owed_is_not_mistaken_for_another() -> None:
    """No HTTP behind a request that has no answer yet: the connection ends without one."""
    async with connected() as (served, client):
        served.may_answer.clear()
        client.writer.write(post("/a") + post("/b") + b"no http\r\n\r\n")
        assert await client.reader.read() == b""
        served.may_answer.set()


async def test_a_server_that_stops_still_answers() -> None:
    """A request whose body is on the way, and then the connection ends."""
    async with connected() as (served, client):
        request = post("/full", "x" * 10)
        client.writer.write(request[:-5])
        connection = await only(served, lambda each: each.cycle is not None)
        connection.shutdown()
        client.writer.write(request[-5:])
        head, body = await client.answer()
        assert "\r\nconnection: close\r\n" in head
        assert body == "full\n"
        assert await client.reader.read() == b""


async def test_a_client_that_is_refused_repeatedly_is_not_idle() -> None:
    """The guard notices a new request between two checks, and disconnects one that stops half-way."""
    now_s = 0.0
    async with connected() as (served, client):
        guard = ConnectionGuard(2.0, clock=lambda: now_s)
        for _ in range(5):
            client.writer.write(post("/full"))
            await client.answer()
            guard.check(served.state.connections)  # type: ignore[arg-type]  # of HTTP/1.1 only
            now_s += 1.5
        client.writer.write(post("/full")[:-1])
        await only(served, lambda each: each.cycle.more_body)
        for _ in range(3):
            guard.check(served.state.connections)  # type: ignore[arg-type]  # likewise
            now_s += 1.5
        assert await client.reader.read() == b""


async def only(served: Served, is_so: Callable[[HttpProtocol], bool]) -> HttpProtocol:
    """The one connection, once something holds for it."""
    while True:
        for each in served.state.connections:
            assert isinstance(each, HttpProtocol)
            if is_so(each):
                return each
        await asyncio.sleep(0)
