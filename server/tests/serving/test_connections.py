"""Which clients are disconnected for doing nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from galop.serving.connections import ConnectionGuard

TIMEOUT_S = 3.0


class Transport(asyncio.Transport):
    """Has bytes that the client has not read, and can be aborted."""

    def __init__(self) -> None:
        super().__init__()
        self.num_unsent_bytes = 0
        self.is_aborted = False

    def get_write_buffer_size(self) -> int:
        return self.num_unsent_bytes

    def abort(self) -> None:
        self.is_aborted = True


@dataclass(slots=True)
class Cycle:
    """A request and its response."""

    more_body: bool = False
    response_complete: bool = False


@dataclass(slots=True, eq=False)
class Client:
    """A connection as the guard sees it."""

    transport: Transport = field(default_factory=Transport)
    cycle: Cycle | None = None
    timeout_keep_alive_task: asyncio.TimerHandle | None = None


class Watch:
    """A guard with a clock of its own and one connection, checked every second."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.now_s = 0.0
        self.guard = ConnectionGuard(TIMEOUT_S, clock=lambda: self.now_s)

    def is_cut_off_after(self, seconds: int) -> bool:
        for _ in range(seconds + 1):
            self.guard.check([self.client])  # type: ignore[list-item]  # its transport is a fake
            self.now_s += 1
        return self.client.transport.is_aborted


@pytest.mark.parametrize("cycle", [None, Cycle(more_body=True)])
def test_a_client_that_does_not_send_its_request_is_cut_off(cycle: Cycle | None) -> None:
    """Its first one, or the rest of one; not before the timeout."""
    watch = Watch(Client(cycle=cycle))
    assert not watch.is_cut_off_after(2)
    assert watch.is_cut_off_after(0)


def test_a_client_that_waits_for_its_answer_is_not_cut_off() -> None:
    """However long the engine computes."""
    assert not Watch(Client(cycle=Cycle())).is_cut_off_after(100)


def test_an_idle_connection_is_left_to_uvicorn() -> None:
    """Its own timer runs between two requests."""
    loop = asyncio.new_event_loop()
    client = Client(
        cycle=Cycle(response_complete=True),
        timeout_keep_alive_task=loop.call_later(5, print),
    )
    assert not Watch(client).is_cut_off_after(100)
    loop.close()


def test_a_client_that_does_not_read_is_cut_off() -> None:
    """Though the response grows meanwhile."""
    client = Client(cycle=Cycle())
    watch = Watch(client)
    for num_unsent_bytes in (10, 20, 30):
        client.transport.num_unsent_bytes = num_unsent_bytes
        assert not watch.is_cut_off_after(0)
    assert watch.is_cut_off_after(0)


def test_a_client_that_reads_slowly_is_not_cut_off() -> None:
    """Every byte counts."""
    client = Client(cycle=Cycle())
    watch = Watch(client)
    for num_unsent_bytes in range(50, 30, -1):
        client.transport.num_unsent_bytes = num_unsent_bytes
        assert not watch.is_cut_off_after(0)
