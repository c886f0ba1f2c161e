"""uvicorn as this server runs it: the listening socket, signals, draining, slow clients, renewed certificates."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import uvicorn

from galop.serving.certificate import CertificateFiles
from galop.serving.connections import ConnectionGuard

LAST_WORDS_TIMEOUT_S = 3
"""For the errors that tell clients why their answers ended, after the drain timeout."""
_DRAIN_POLL_S = 0.05
_SEND_BUFFER_BYTES = 128 * 1024
"""What the kernel keeps for a client that does not read (Linux doubles it for its own book-keeping);
left alone it grows to megabytes, which is a whole answer that nobody reads."""


class PortTakenError(Exception):
    """Somebody listens there already, or we may not."""


class WorkInFlight(Protocol):
    """The work that is to end before the server does."""

    @property
    def num_open_choices(self) -> int:
        """Choices that run or wait."""

    def drain(self, reason: str) -> None:
        """Take no new requests from now on."""


def listen(host: str, port: int, *, client_timeout_s: int) -> socket.socket:
    """A listening socket. Raises `PortTakenError` with one line for a person.

    What is set here is inherited by its connections (tcp(7)). A peer that vanished without a word,
    its cable pulled, is noticed when it has acknowledged nothing for `client_timeout_s`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    if sys.platform == "linux":
        idle_s = max(1, client_timeout_s // 2)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, idle_s // 3))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, client_timeout_s * 1000)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise PortTakenError(f"cannot listen on {host} port {port}: {reason}") from error
    listener.setblocking(False)
    return listener


class Server(uvicorn.Server):
    """uvicorn, but a signal ends `serve` instead of killing the process after it.

    The first SIGINT or SIGTERM lets running answers finish within `drain_timeout_s`, while new work
    is refused with a status that clients and balancers understand; what still runs then ends with
    an error that its client can read. A second signal does not wait.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        work: WorkInFlight,
        *,
        stop_engines: Callable[[], Awaitable[None]],
        drain_timeout_s: float,
        client_timeout_s: float,
    ) -> None:
        super().__init__(config)
        config.load()
        self._certificate = _certificate_files(config)
        self._work = work
        self._stop_engines = stop_engines
        self._drain_timeout_s = drain_timeout_s
        self._guard = ConnectionGuard(client_timeout_s)
        self._is_draining = False
        self._stopping: list[asyncio.Task[None]] = []

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Replaces uvicorn's, which raises the signal again when all is done."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._on_signal)
        try:
            yield
        finally:
            for each in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(each)

    async def on_tick(self, counter: int) -> bool:
        """uvicorn's, ten times a second, and in every tenth a look at the clients and at the certificate."""
        if counter % 10 == 0:
            if self._certificate is not None:
                self._certificate.look()
            self._guard.look(self.server_state.connections)  # type: ignore[arg-type]  # of HTTP/1.1 only
        return await super().on_tick(counter)

    def _on_signal(self) -> None:
        timeout_s = 0.0 if self._is_draining else self._drain_timeout_s
        self._is_draining = True
        self._stopping.append(asyncio.create_task(self._stop(timeout_s)))

    async def _stop(self, timeout_s: float) -> None:
        """Listening goes on until the work is done: a refused connection would explain nothing."""
        self._work.drain("the server is stopping")
        deadline_s = time.monotonic() + timeout_s
        while self._work.num_open_choices and time.monotonic() < deadline_s:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(_DRAIN_POLL_S)
        # Answers are made; those who read them slowly get what is left of the time.
        left_s = max(0.0, deadline_s - time.monotonic())
        self.config.timeout_graceful_shutdown = math.ceil(left_s) + LAST_WORDS_TIMEOUT_S
        self.should_exit = True
        await self._stop_engines()


def _certificate_files(config: uvicorn.Config) -> CertificateFiles | None:
    """None where the server speaks plain HTTP."""
    if config.ssl is None or config.ssl_certfile is None or config.ssl_keyfile is None:
        return None
    return CertificateFiles(config.ssl, Path(config.ssl_certfile), Path(config.ssl_keyfile))
