"""Noticing that a client left, with hand-made `receive` and `send`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message, Receive, Scope, Send

from galop.http.boundary import Boundary
from galop.http.connection import ClientDisconnected, send_json, while_connected


async def stays() -> Message:
    """A `receive` whose client never leaves."""
    await asyncio.Event().wait()
    raise AssertionError


async def test_the_result_of_the_work_is_returned() -> None:
    """While the client stays."""

    async def work() -> int:
        return 5

    assert await while_connected(stays, work()) == 5


async def test_the_exception_of_the_work_is_raised() -> None:
    """As it is."""

    async def work() -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        await while_connected(stays, work())


async def test_a_departure_cancels_the_work_and_waits_for_its_cleanup() -> None:
    """What the work holds is given back before anybody goes on."""
    cleaned_up = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up.set()

    async def leaves() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnected):
        await while_connected(leaves, work())
    assert cleaned_up.is_set()


async def test_our_own_cancellation_goes_through() -> None:
    """A server that stops cancels its requests: the work ends, and the cancellation is not lost."""
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(while_connected(stays, work()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_a_send_that_fails_is_a_departure_and_closes_the_iterator() -> None:
    """Some servers raise OSError where the client has gone; nobody is answered after that."""
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

    await Boundary(app)({"type": "http", "method": "GET", "path": "/"}, stays, send)
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
        await Boundary(app)({"type": "http", "method": "GET", "path": "/"}, stays, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
