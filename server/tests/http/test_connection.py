"""Noticing that a client left, with hand-made `receive` and `send`."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from galop.http.connection import ClientDisconnected, while_connected


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
