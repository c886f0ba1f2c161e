"""Request ids, headers and error responses, with hand-made `receive` and `send`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from galop.http.connection import ClientDisconnected, send_json
from galop.http.error_middleware import ErrorMiddleware, add_headers, log_problem, request_id_of
from galop.http.errors import UnknownUrlError, describe
from galop.http.observer import NoObserver
from galop.protocol.errors import EngineDiedError


async def stays() -> Message:
    """A `receive` whose client never disconnects."""
    await asyncio.Event().wait()
    raise AssertionError


class Notebook(NoObserver):
    """An observer that records its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def responded(self, status: int) -> None:
        self.calls.append(("responded", status))

    def refused(self, error: Exception, status: int) -> None:
        self.calls.append((type(error).__name__, status))


async def sent_by(
    app: ASGIApp, *, scheme: str = "http", observer: Notebook | None = None
) -> list[Message]:
    """What `app` sends through the middleware for GET /."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "scheme": scheme}
    await ErrorMiddleware(app, observer)(scope, stays, send)
    return sent


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_response_gets_the_request_id_and_the_added_headers(scheme: str) -> None:
    """HTTPS adds strict-transport-security."""
    ids = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ids.append(request_id_of(scope))
        add_headers(scope, {"x-added": "yes"})
        await send_json(send, {})

    headers = dict((await sent_by(app, scheme=scheme))[0]["headers"])
    assert headers[b"x-request-id"].decode() == ids[0]
    assert headers[b"x-added"] == b"yes"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert (b"strict-transport-security" in headers) == (scheme == "https")


async def test_an_exception_before_the_response_is_answered_and_observed() -> None:
    """With the status and the message of the error table, and the added headers."""
    notebook = Notebook()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        add_headers(scope, {"x-added": "yes"})
        raise UnknownUrlError(method="GET", path="/")

    start, body = await sent_by(app, observer=notebook)
    assert start["status"] == 404
    assert dict(start["headers"])[b"x-added"] == b"yes"
    assert b"unknown_url" in body["body"]
    assert notebook.calls == [("UnknownUrlError", 404), ("responded", 404)]


async def test_a_disconnected_client_gets_no_response() -> None:
    """And the server no exception."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnected

    assert await sent_by(app) == []


async def test_other_scopes_pass_through() -> None:
    """A lifespan has neither an id nor headers."""
    scopes = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    async def send(message: Message) -> None:
        raise AssertionError

    await ErrorMiddleware(app)({"type": "lifespan"}, stays, send)
    assert scopes == [{"type": "lifespan"}]


async def test_a_send_that_fails_is_a_departure_and_closes_the_iterator() -> None:
    """Some servers raise OSError after a disconnect; nothing is sent after that."""
    is_closed = asyncio.Event()
    num_sent = 0

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"x"
        finally:
            is_closed.set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(events()) as chunks:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def send(message: Message) -> None:
        nonlocal num_sent
        num_sent += 1
        if num_sent == 3:
            raise BrokenPipeError

    await ErrorMiddleware(app)({"type": "http", "method": "GET", "path": "/"}, stays, send)
    assert is_closed.is_set()
    assert num_sent == 3


async def test_a_fault_after_the_first_byte_is_not_answered_twice() -> None:
    """The server closes the connection; a second response would corrupt the first."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send_json(send, {})
        raise ValueError("late")

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(ValueError, match="late"):
        await ErrorMiddleware(app)({"type": "http", "method": "GET", "path": "/"}, stays, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_an_engine_that_died_is_logged_without_the_path_to_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where our code waited says nothing about why; a fault of the code itself has its traceback."""
    for error in (EngineDiedError(exit_code=-9), ValueError("bug")):
        log_problem("req_1", "stream", describe(error, request_id="req_1"), error)
    died, bug = caplog.records
    assert died.levelname == bug.levelname == "ERROR"
    assert not died.exc_info
    assert bug.exc_info
