"""What this server uses of uvicorn beyond its documented interface.

`pyproject.toml` allows one minor version. Before another is allowed, this must pass with it.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import AbstractContextManager

import httptools
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from galop.serving.http_protocol import RefusedCycle


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"hi"})


async def one_connection() -> tuple[uvicorn.Server, HttpToolsProtocol]:
    """A server, and its side of a connection on which one request was answered."""
    config = uvicorn.Config(hello, port=0, log_config=None, lifespan="off", http="httptools")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    address = server.servers[0].sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address[:2])
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await reader.readuntil(b"hi")
    [connection] = server.server_state.connections
    assert isinstance(connection, HttpToolsProtocol)
    server.should_exit = True
    writer.close()
    await serving
    return server, connection


async def test_a_connection_has_the_attributes_that_are_used() -> None:
    """By `http_protocol.HttpProtocol` and by `connections.ConnectionGuard`."""
    _, connection = await one_connection()
    for name in ("parser", "flow", "pipeline", "scheme", "url", "headers", "transport"):
        assert hasattr(connection, name), name
    assert hasattr(connection, "timeout_keep_alive_task")
    assert connection.flow.write_paused is False
    assert connection.url == b"/"
    assert connection.headers == [(b"host", b"a")]
    assert isinstance(connection.server_state.default_headers, list)
    assert connection.cycle.response_complete is True


def test_the_callbacks_that_are_overridden_exist() -> None:
    """With the arguments that they are called with."""
    assert hasattr(httptools.HttpRequestParser, "get_method")
    assert hasattr(httptools.HttpRequestParser, "should_keep_alive")
    expected = {
        "on_headers_complete": ["self"],
        "on_body": ["self", "body"],
        "on_message_complete": ["self"],
        "on_response_complete": ["self"],
        "send_400_response": ["self", "msg"],
    }
    for name, parameters in expected.items():
        method = getattr(HttpToolsProtocol, name)
        assert list(inspect.signature(method).parameters) == parameters, name
    assert STATUS_LINE[503].startswith(b"HTTP/1.1 503")


async def test_a_refused_cycle_has_what_uvicorn_reads_of_its_own() -> None:
    """It stands in the same place."""
    _, connection = await one_connection()
    ours = set(RefusedCycle.__dataclass_fields__) - {"response"}
    assert isinstance(connection.cycle, RequestResponseCycle)
    assert ours <= set(vars(connection.cycle))


def test_the_server_has_the_methods_that_are_overridden() -> None:
    """Signals, ticks, and the set of connections."""
    assert list(inspect.signature(uvicorn.Server.on_tick).parameters) == ["self", "counter"]
    assert inspect.iscoroutinefunction(uvicorn.Server.on_tick)
    server = uvicorn.Server(uvicorn.Config(hello, log_config=None))
    assert isinstance(server.capture_signals(), AbstractContextManager)
    server.config.load()
    assert server.config.ssl is None
    assert server.config.timeout_graceful_shutdown is None
    assert server.server_state.connections == set()
