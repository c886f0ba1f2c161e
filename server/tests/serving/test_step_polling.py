"""A selector that polls all sockets after a step of the engine."""

from __future__ import annotations

import asyncio
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from galop.serving.step_polling import LONGEST_PAUSE_S, StepPollingSelector


class Sockets:
    """The engine's and a client's, both watched, with the other ends to write to."""

    def __init__(self) -> None:
        self.engine, self.from_engine = socket.socketpair()
        self.client, self.from_client = socket.socketpair()
        self.step_descriptor: Callable[[], int | None] = lambda: None
        self.selector = StepPollingSelector(lambda: self.step_descriptor())
        self.selector.register(self.engine, selectors.EVENT_READ)
        self.selector.register(self.client, selectors.EVENT_READ)

    def select(self, timeout: float | None) -> set[object]:
        return {key.fileobj for key, _ in self.selector.select(timeout)}


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    made = Sockets()
    yield made
    made.selector.close()
    for each in (made.engine, made.from_engine, made.client, made.from_client):
        each.close()


def test_without_a_descriptor_every_socket_is_polled_at_once(sockets: Sockets) -> None:
    """And the timeout is the caller's."""
    assert sockets.select(0.001) == set()
    sockets.from_client.send(b"x")
    assert sockets.select(None) == {sockets.client}


def test_with_one_the_others_are_polled_after_a_step(sockets: Sockets) -> None:
    """Whatever waits is reported together with it."""
    sockets.step_descriptor = sockets.engine.fileno
    sockets.from_client.send(b"x")
    sockets.from_engine.send(b"x")
    started_s = time.monotonic()
    assert sockets.select(None) == {sockets.client, sockets.engine}
    assert time.monotonic() - started_s < LONGEST_PAUSE_S


def test_an_engine_without_steps_keeps_nobody_waiting_for_long(sockets: Sockets) -> None:
    """No longer than the caller wants, or than the longest pause."""
    sockets.step_descriptor = sockets.engine.fileno
    sockets.from_client.send(b"x")
    started_s = time.monotonic()
    assert sockets.select(None) == {sockets.client}
    assert time.monotonic() - started_s >= LONGEST_PAUSE_S
    started_s = time.monotonic()
    assert sockets.select(0.001) == {sockets.client}
    assert time.monotonic() - started_s < LONGEST_PAUSE_S


def test_a_timeout_of_zero_does_not_wait(sockets: Sockets) -> None:
    """The loop has work at hand."""

    def step_descriptor() -> int:
        pytest.fail("was asked")

    sockets.step_descriptor = step_descriptor
    sockets.from_client.send(b"x")
    assert sockets.select(0) == {sockets.client}


def test_an_event_loop_runs_on_it(sockets: Sockets) -> None:
    """Sockets, timers and other threads, while nothing beats."""
    selector = StepPollingSelector(sockets.engine.fileno)

    async def work() -> bytes:
        sockets.client.setblocking(False)
        await asyncio.sleep(0.001)
        await asyncio.to_thread(sockets.from_client.send, b"x")
        return await asyncio.get_running_loop().sock_recv(sockets.client, 1)

    with asyncio.Runner(loop_factory=partial(asyncio.SelectorEventLoop, selector)) as runner:
        assert runner.run(work()) == b"x"
