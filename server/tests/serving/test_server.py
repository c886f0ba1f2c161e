"""The server's socket, its life and its end, with an application and work made by hand."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from galop.http.connection import RawHeaders
from galop.http.load_shedder import EarlyResponse
from galop.serving.server import PortTakenError, Server, listen, uvicorn_config


@dataclass(slots=True)
class Work:
    """Open choices, and why new ones are refused."""

    num_open_choices: int = 0
    reasons: list[str] = field(default_factory=list)

    def drain(self, reason: str) -> None:
        self.reasons.append(reason)


class NoShedding:
    """Leaves every request to the application."""

    def refuse(
        self, method: bytes, target: bytes, headers: RawHeaders, *, is_https: bool
    ) -> EarlyResponse | None:
        return None

    def refuse_malformed(self, *, is_https: bool) -> EarlyResponse:
        raise AssertionError


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"hi"})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("127.0.0.1", free_port(), client_timeout_s=30) as each:
        yield each


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_of(work: Work, *, drain_timeout_s: float = 10.0) -> Server:
    async def stop_engines() -> None:
        work.num_open_choices = 0

    return Server(
        uvicorn_config(hello, NoShedding(), tls_cert=None, tls_key=None),
        work,
        stop_engines=stop_engines,
        drain_timeout_s=drain_timeout_s,
        client_timeout_s=30,
    )


async def nothing() -> None:
    """An engine that is ready at once."""


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def test_it_answers_until_a_signal(listener: socket.socket) -> None:
    """`serve_until_stopped` then returns instead of raising the signal again."""
    work = Work()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    is_ready = asyncio.Event()
    serving = asyncio.create_task(
        server_of(work).serve_until_stopped(listener, nothing(), is_ready.set)
    )
    await is_ready.wait()
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).text == "hi"
        stop()
        await asyncio.wait_for(serving, 10)
    assert work.reasons == ["the server is stopping"]


async def test_running_requests_get_their_time(listener: socket.socket) -> None:
    """The server ends as soon as the last of them has ended."""
    work = Work(num_open_choices=1)
    is_ready = asyncio.Event()
    serving = asyncio.create_task(
        server_of(work).serve_until_stopped(listener, nothing(), is_ready.set)
    )
    await is_ready.wait()
    stop()
    done, _ = await asyncio.wait({serving}, timeout=0.3)
    assert not done
    work.num_open_choices = 0
    await asyncio.wait_for(serving, 10)


async def test_a_second_signal_ends_the_waiting(listener: socket.socket) -> None:
    """Ctrl-C twice."""
    work = Work(num_open_choices=1)
    is_ready = asyncio.Event()
    serving = asyncio.create_task(
        server_of(work, drain_timeout_s=60).serve_until_stopped(listener, nothing(), is_ready.set)
    )
    await is_ready.wait()
    stop()
    await asyncio.sleep(0.1)
    stop()
    await asyncio.wait_for(serving, 10)


async def test_an_engine_that_cannot_start_ends_the_server(listener: socket.socket) -> None:
    """With the engine's error."""

    async def fails() -> None:
        raise ConnectionError("no engine")

    def never() -> None:
        raise AssertionError

    with pytest.raises(ConnectionError, match="no engine"):
        await asyncio.wait_for(server_of(Work()).serve_until_stopped(listener, fails(), never), 10)


def test_connections_send_what_is_written_at_once(listener: socket.socket) -> None:
    """With Nagle's algorithm the body of an answer waits 40 ms behind its head."""
    with socket.create_connection(listener.getsockname()):
        select.select([listener], [], [], 5)
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_taken_port_is_an_error_with_the_address(listener: socket.socket) -> None:
    """In one line."""
    port = listener.getsockname()[1]
    with pytest.raises(PortTakenError, match=f"cannot listen on 127.0.0.1 port {port}: .+"):
        listen("127.0.0.1", port, client_timeout_s=30)


def test_an_address_of_another_machine_is_an_error() -> None:
    """192.0.2.0/24 is reserved for documentation (RFC 5737)."""
    with pytest.raises(PortTakenError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 1, client_timeout_s=30)
