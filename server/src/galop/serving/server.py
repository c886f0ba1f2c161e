"""uvicorn as this server runs it: listening socket, signals, draining, slow clients, certificates."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import uvicorn

from galop.serving.certificate import CertificateFiles
from galop.serving.connections import ConnectionGuard
from galop.serving.http_protocol import HttpProtocol, LoadShedder

ERROR_EVENTS_TIMEOUT_S = 3
"""Time after the drain timeout in which unfinished responses send their error."""
_DRAIN_POLL_S = 0.05
_SEND_BUFFER_BYTES = 128 * 1024
"""Send buffer of a connection; Linux doubles it for its own bookkeeping. The default grows to megabytes,
which would hide that a client does not read."""


class PortTakenError(Exception):
    """The address is in use, not permitted or not of this machine. The message is one line."""


class WorkInFlight(Protocol):
    """The requests that the server finishes before it ends."""

    @property
    def num_open_choices(self) -> int:
        """Choices that run or wait."""

    def drain(self, reason: str) -> None:
        """Refuses new requests from now on; `reason` is for their error message."""


def listen(host: str, port: int, *, client_timeout_s: int) -> socket.socket:
    """A listening, non-blocking socket. Raises `PortTakenError`.

    Its connections inherit its options (tcp(7)). A connection ends when the peer has acknowledged nothing
    for `client_timeout_s`, for example because its cable is unplugged.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # asyncio sets it only on sockets whose protocol number is given. Without it, the second of two
    # writes waits for the peer's delayed acknowledgement: 40 ms on every kept connection.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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


def uvicorn_config(
    application: Callable[..., Any],  # Any: an ASGI application
    load_shedder: LoadShedder,
    *,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> uvicorn.Config:
    """uvicorn's configuration. Its `load()` raises OSError or `ssl.SSLError` for unusable files."""
    return uvicorn.Config(
        application,
        http=partial(HttpProtocol, load_shedder=load_shedder),  # type: ignore[arg-type]  # only called
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
    )


class Server(uvicorn.Server):
    """uvicorn whose `serve` returns after a signal; uvicorn itself raises the signal again.

    After the first SIGINT or SIGTERM, running requests may finish within `drain_timeout_s` and new ones
    get a 503. Requests that still run then end with an error. A second signal ends the waiting.
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

    async def serve_until_stopped(
        self,
        listener: socket.socket,
        ready: Coroutine[Any, Any, object],  # Any: as asyncio.create_task
        on_ready: Callable[[], None],
    ) -> None:
        """Serves until a signal, or until `ready` raises, which is raised again.

        Calls `on_ready` when `ready` has returned.
        """
        serving = asyncio.create_task(self.serve(sockets=[listener]))
        readiness = asyncio.create_task(ready)
        await asyncio.wait({serving, readiness}, return_when=asyncio.FIRST_COMPLETED)
        if readiness.done() and not serving.done():
            if readiness.exception() is None:
                on_ready()
            else:
                self.should_exit = True
        await serving
        if readiness.done():
            readiness.result()
        else:
            readiness.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handles SIGINT and SIGTERM in the block. uvicorn's own raises them again at its end."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._on_signal)
        try:
            yield
        finally:
            for each in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(each)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; checks clients and certificate once a second."""
        if counter % 10 == 0:
            if self._certificate is not None:
                self._certificate.reload_if_changed()
            self._guard.check(self.server_state.connections)  # type: ignore[arg-type]  # of HTTP/1.1 only
        return await super().on_tick(counter)

    def _on_signal(self) -> None:
        timeout_s = 0.0 if self._is_draining else self._drain_timeout_s
        self._is_draining = True
        self._stopping.append(asyncio.create_task(self._stop(timeout_s)))

    async def _stop(self, timeout_s: float) -> None:
        """Waits for the work, then ends the server. Until then new requests get a 503."""
        self._work.drain("the server is stopping")
        deadline_s = time.monotonic() + timeout_s
        while self._work.num_open_choices and time.monotonic() < deadline_s:  # noqa: ASYNC110  # has no event
            await asyncio.sleep(_DRAIN_POLL_S)
        # All responses are generated; slow readers get the rest of the time.
        left_s = max(0.0, deadline_s - time.monotonic())
        self.config.timeout_graceful_shutdown = math.ceil(left_s) + ERROR_EVENTS_TIMEOUT_S
        self.should_exit = True
        await self._stop_engines()


def _certificate_files(config: uvicorn.Config) -> CertificateFiles | None:
    """None where the server speaks plain HTTP."""
    if config.ssl is None or config.ssl_certfile is None or config.ssl_keyfile is None:
        return None
    return CertificateFiles(config.ssl, Path(config.ssl_certfile), Path(config.ssl_keyfile))
