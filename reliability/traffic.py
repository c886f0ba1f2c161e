"""Many requests for whole answers at the price of a few system calls each: load that shares its cores with the
server must leave them to it.

One thread, one selector, connections that are kept as every SDK keeps them, and nothing parsed before the
end. `closed_loop` always has a number of requests running, `open_loop` sends a number per second. Real
clients have cores of their own: this thread asks the kernel not to interrupt anybody for it.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from functools import partial

from reliability.client import TIMEOUT_S, Answer, Body
from reliability.raw import request_bytes

_MAX_IDLE_S = 2.0
"""The server closes a connection that was idle for 5 seconds; what is sent that moment would be lost."""
_MANY_BYTES = 65536

_keeping = partial(request_bytes, keeps_connection=True)


def closed_loop(
    port: int, bodies: Iterator[Body], num_clients: int, seconds: float
) -> list[Answer]:
    """So many clients, each with its next request as soon as it has an answer, for so long."""
    requests = map(_keeping, bodies)
    connections = _Connections(port)
    _interrupt_nobody()
    until_s = time.monotonic() + seconds
    for _ in range(num_clients):
        connections.send(next(requests))
    while connections.num_busy:
        for _ in range(connections.receive(TIMEOUT_S)):
            if time.monotonic() < until_s:
                connections.send(next(requests))
    return connections.close()


def open_loop(port: int, bodies: Sequence[Body], per_s: float) -> list[Answer]:
    """So many requests a second, whatever becomes of them; ends when all have answers.

    What has arrived is read when the next request is due.
    """
    requests = list(map(_keeping, bodies))
    connections = _Connections(port)
    _interrupt_nobody()
    started_s = time.monotonic()
    for number, request in enumerate(requests):
        time.sleep(max(0.0, started_s + number / per_s - time.monotonic()))
        connections.receive(0)
        connections.send(request)
    while connections.num_busy:
        connections.receive(TIMEOUT_S)
    return connections.close()


def _interrupt_nobody() -> None:
    """For this thread, where the system has a word for it (sched(7), SCHED_BATCH)."""
    if hasattr(os, "SCHED_BATCH"):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


class _Connections:
    """As many as have a request running at the same time."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._selector = selectors.DefaultSelector()
        self._received: dict[socket.socket, bytes] = {}
        """Of those with a request running: what has come of its answer."""
        self._idle: list[tuple[float, socket.socket]] = []
        """Since when; the last one used is the last."""
        self._answers: list[tuple[float, bytes | str]] = []
        """When it ended; bytes of an answer, or what went wrong."""

    @property
    def num_busy(self) -> int:
        return len(self._received)

    def send(self, request: bytes) -> None:
        connection = self._connection()
        self._received[connection] = b""
        try:
            connection.sendall(request)
        except OSError as error:
            self._end(connection, repr(error))

    def receive(self, timeout_s: float) -> int:
        """Wait for something to arrive. How many requests have ended; all of them, without an answer, if
        nothing comes for `TIMEOUT_S`."""
        num_before = len(self._answers)
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            self._read(key.fileobj)  # type: ignore[arg-type]  # only sockets are registered
        if not ready and timeout_s >= TIMEOUT_S:
            for connection in list(self._received):
                self._end(connection, "no answer")
        return len(self._answers) - num_before

    def close(self) -> list[Answer]:
        """What came of all that was sent."""
        for _, connection in self._idle:
            connection.close()
        self._selector.close()
        return [_answer(*each) for each in self._answers]

    def _connection(self) -> socket.socket:
        while self._idle:
            since_s, connection = self._idle.pop()
            if time.monotonic() < since_s + _MAX_IDLE_S:
                return connection
            self._forget(connection)
        connection = socket.create_connection(self._address, TIMEOUT_S)
        self._selector.register(connection, selectors.EVENT_READ)
        return connection

    def _read(self, connection: socket.socket) -> None:
        try:
            chunk = connection.recv(_MANY_BYTES)
        except OSError as error:
            self._end(connection, repr(error))
            return
        if connection not in self._received:  # it was idle: the server has closed it
            self._idle = [each for each in self._idle if each[1] is not connection]
            self._forget(connection)
        elif not chunk:
            self._end(connection, "the connection ended within an answer")
        else:
            received = self._received[connection] = self._received[connection] + chunk
            if _is_whole(received):
                self._answers.append((time.monotonic(), received))
                del self._received[connection]
                self._idle.append((time.monotonic(), connection))

    def _end(self, connection: socket.socket, what: str) -> None:
        del self._received[connection]
        self._answers.append((time.monotonic(), what))
        self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()


def _is_whole(received: bytes) -> bool:
    head, end, content = received.partition(b"\r\n\r\n")
    return bool(end) and len(content) >= int(_headers(head)["content-length"])


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return dict(line.lower().split(": ", 1) for line in lines)


def _answer(ended_s: float, outcome: bytes | str) -> Answer:
    answer = Answer(ended_s=ended_s)
    if isinstance(outcome, str):
        answer.broken = outcome
        return answer
    head, _, content = outcome.partition(b"\r\n\r\n")
    answer.status = int(head.split(b" ", 2)[1])
    answer.retry_after = _headers(head).get("retry-after")
    answer.add(json.loads(content))
    answer.is_complete = True
    return answer
