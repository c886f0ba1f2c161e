"""Connections: one TLS trust store per process, pools per event loop, reads under a deadline.

This is the only module that opens, keeps and closes httpx clients of our own making.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import socket
import ssl
import sys
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import httpx

from ._constants import DEFAULT_CONNECTION_LIMITS, DEFAULT_TIMEOUT

if TYPE_CHECKING:
    import asyncio

    from ._deadline import Deadline

# --------------------------------------------------------------------------- TLS


class _TrustOnFirstUse(ssl.SSLContext):
    """A client context that reads the CA bundle at the first handshake.

    Reading it takes 18 ms, which httpx pays for every client, used or not, https or not.
    """

    _loaded = False
    _lock = threading.Lock()

    def _load(self) -> None:
        with self._lock:
            if self._loaded:
                return
            if os.environ.get("SSL_CERT_FILE"):
                self.load_verify_locations(cafile=os.environ["SSL_CERT_FILE"])
            elif os.environ.get("SSL_CERT_DIR"):
                self.load_verify_locations(capath=os.environ["SSL_CERT_DIR"])
            else:
                import certifi  # httpx depends on it

                self.load_verify_locations(cafile=certifi.where())
            self._loaded = True

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        self._load()
        return super().wrap_socket(*args, **kwargs)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        self._load()
        return super().wrap_bio(*args, **kwargs)


_shared_context: _TrustOnFirstUse | None = None


def shared_tls_context() -> ssl.SSLContext:
    """The context that all default clients of this process share."""
    global _shared_context
    if _shared_context is None:
        context = _TrustOnFirstUse(ssl.PROTOCOL_TLS_CLIENT)
        # What ssl.create_default_context adds on its own, Python 3.13 and later.
        context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0)
        if keylog := os.environ.get("SSLKEYLOGFILE"):
            context.keylog_filename = keylog
        _shared_context = context
    return _shared_context


def _with_defaults(kwargs: dict[str, Any]) -> dict[str, Any]:
    kwargs.setdefault("timeout", DEFAULT_TIMEOUT)
    kwargs.setdefault("limits", DEFAULT_CONNECTION_LIMITS)
    kwargs.setdefault("follow_redirects", True)
    if kwargs.get("cert") is None and kwargs.get("trust_env", True):
        kwargs.setdefault("verify", shared_tls_context())
    return kwargs


class DefaultHttpxClient(httpx.Client):
    """httpx.Client with this package's timeout, limits, redirects and shared TLS context."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**_with_defaults(kwargs))


class DefaultAsyncHttpxClient(httpx.AsyncClient):
    """httpx.AsyncClient with this package's timeout, limits, redirects and shared TLS context."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**_with_defaults(kwargs))


def _aiohttp_client_class() -> type[httpx.AsyncClient]:
    try:
        import httpx_aiohttp  # type: ignore[import-not-found,unused-ignore]  # optional
    except ImportError:

        class MissingAioHttp(httpx.AsyncClient):
            def __init__(self, **_kwargs: Any) -> None:
                raise RuntimeError(
                    "To use the aiohttp client, install the extra: `pip install groq[aiohttp]`"
                )

        return MissingAioHttp

    class AioHttp(httpx_aiohttp.HttpxAiohttpClient):  # type: ignore[misc]  # optional, untyped
        def __init__(self, **kwargs: Any) -> None:
            kwargs.setdefault("timeout", DEFAULT_TIMEOUT)
            kwargs.setdefault("limits", DEFAULT_CONNECTION_LIMITS)
            kwargs.setdefault("follow_redirects", True)
            super().__init__(**kwargs)

    return AioHttp


if TYPE_CHECKING:

    class DefaultAioHttpClient(httpx.AsyncClient):
        """httpx.AsyncClient over aiohttp, with this package's defaults. Extra: `aiohttp`."""


def __getattr__(name: str) -> object:
    if name == "DefaultAioHttpClient":
        client_class = _aiohttp_client_class()
        client_class.__name__ = client_class.__qualname__ = name
        client_class.__module__ = "groq"
        globals()[name] = client_class
        return client_class
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# --------------------------------------------------------------------------- pools


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop this code runs in; None outside of asyncio.

    Who never loaded asyncio runs no loop: a program of blocking calls is spared that import, which
    is a tenth of what it pays before its first request.
    """
    if "asyncio" not in sys.modules:
        return None
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class _OwnedClient(DefaultHttpxClient):
    """Our own pool: dropped without a warning, and never closed by a forked child.

    The child shares the sockets with its parent; closing them politely would take locks that the
    parent's threads may hold for ever. Dropping the file descriptors is enough.
    """

    def __init__(self) -> None:
        super().__init__()
        self._owner_pid = os.getpid()

    def __del__(self) -> None:
        if self._owner_pid == os.getpid() and not self.is_closed:
            try:
                self.close()
            except Exception:  # interpreter shutdown: modules may be gone
                return


class SyncPool:
    """The httpx client behind a Groq and its copies: made on first use, anew after a fork."""

    def __init__(self) -> None:
        self._client: httpx.Client | None = None
        self._pid = 0
        self._lock = threading.Lock()
        self.is_closed = False

    def client(self) -> httpx.Client:
        if self._client is None or self._pid != os.getpid():
            if self._pid and self._pid != os.getpid():
                self._lock = threading.Lock()  # a thread of the parent may have held the old one
                self._client = None
            with self._lock:
                if self._client is None:
                    self._pid = os.getpid()
                    self._client = _OwnedClient()
                    if self.is_closed:
                        self._client.close()
        return self._client

    def close(self) -> None:
        self.is_closed = True
        if self._client is not None:
            self._client.close()


class _LoopPool:
    """The httpx client of one event loop, and what will close it."""

    def __init__(self, owner: AsyncPools, loop: asyncio.AbstractEventLoop) -> None:
        self.client = DefaultAsyncHttpxClient()
        guardian = _close_with_loop(loop, self.client, weakref.ref(self), weakref.ref(owner))
        # The first step runs up to the `yield`, which is what registers it with the loop.
        with contextlib.suppress(StopIteration):
            guardian.asend(None).send(None)
        # The finalizer keeps the guardian, and so the connections, out of the garbage that a
        # dropped client becomes: asyncio's transports would complain of being collected open.
        self.finalizer = weakref.finalize(owner, _release, weakref.ref(loop), guardian)
        self.finalizer.atexit = False


async def _close_with_loop(
    loop: asyncio.AbstractEventLoop,
    client: httpx.AsyncClient,
    pool: weakref.ref[_LoopPool],
    owner: weakref.ref[AsyncPools],
) -> AsyncGenerator[None, None]:
    """Suspended for as long as the loop lives; its end closes the client *inside* the loop.

    `asyncio.run` finishes the asynchronous generators of its loop before closing it: the only
    public moment when a pool can still be closed. Without this, connections outlive their loop
    and complain about it.
    """
    try:
        yield
    finally:
        await client.aclose()
        alive, pools = pool(), owner()
        if alive is not None:
            alive.finalizer.detach()
        if pools is not None:
            pools.forget(loop)


_closing: set[asyncio.Task[None]] = set()


def _release(
    loop_ref: weakref.ref[asyncio.AbstractEventLoop], guardian: AsyncGenerator[None, None]
) -> None:
    """The AsyncGroq is gone: close its connections in their loop, if that still runs."""
    loop = loop_ref()
    if loop is None or loop.is_closed():
        return

    def close() -> None:
        task = loop.create_task(_finish(guardian))
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    loop.call_soon_threadsafe(close)


async def _finish(guardian: AsyncGenerator[None, None]) -> None:
    await guardian.aclose()


class AsyncPools:
    """The httpx clients behind an AsyncGroq and its copies: one per running event loop.

    A connection belongs to the loop it was opened in. With a pool each, one AsyncGroq may be used
    from many `asyncio.run` calls and from the loops of several threads.
    """

    def __init__(self) -> None:
        self._by_loop: dict[asyncio.AbstractEventLoop, _LoopPool] = {}
        self._without_loop: httpx.AsyncClient | None = None
        self.is_closed = False

    def current(self) -> httpx.AsyncClient:
        """The client of the running loop; outside of asyncio (trio, no loop) one shared client."""
        loop = running_loop()
        if loop is None:
            if self._without_loop is None:
                self._without_loop = DefaultAsyncHttpxClient()
            return self._without_loop
        pool = self._by_loop.get(loop)
        if pool is None:
            for other in list(self._by_loop):
                if other.is_closed():  # by hand, without finishing its generators
                    self.forget(other)
            pool = self._by_loop[loop] = _LoopPool(self, loop)
        return pool.client

    def forget(self, loop: asyncio.AbstractEventLoop) -> None:
        self._by_loop.pop(loop, None)

    async def aclose(self) -> None:
        """Close the pool of the running loop; those of other loops end with their loops."""
        self.is_closed = True
        loop = running_loop()
        pool = None if loop is None else self._by_loop.get(loop)
        if pool is not None:
            await pool.client.aclose()
        if self._without_loop is not None:
            await self._without_loop.aclose()


# --------------------------------------------------------------------------- reads


class ReadGovernor:
    """Shortens the reads of one response while it is installed.

    httpcore fixes the read timeout when the body begins, and offers no way to shorten it later.
    It does publish the network stream it reads from (response extension `network_stream`), whose
    `read(max_bytes, timeout)` is its documented interface: while the governor is installed, each
    read gets the shorter of its own limit and `limit_s()`. HTTP/2 shares a stream between
    responses, so there, and for transports without the extension, it installs nothing.
    """

    def __init__(self, response: httpx.Response, deadline: Deadline | None) -> None:
        self._stream: Any = None
        self._deadline = deadline
        self._fixed_s: float | None = None
        stream = response.extensions.get("network_stream")
        if stream is not None and response.extensions.get("http_version") == b"HTTP/1.1":
            self._stream = stream

    @property
    def is_available(self) -> bool:
        return self._stream is not None

    def limit_reads(self, seconds: float) -> None:
        """From now on no read waits longer than this."""
        self._fixed_s = seconds

    def _limit(self, timeout: float | None) -> float | None:
        if self._deadline is not None:
            timeout = self._deadline.cap(timeout)
        if self._fixed_s is not None:
            timeout = self._fixed_s if timeout is None else min(timeout, self._fixed_s)
        # Zero would mean "do not block", an expired deadline means "time out at once".
        return timeout if timeout is None else max(timeout, 1e-4)

    def install(self) -> None:
        if self._stream is None:
            return
        read = type(self._stream).read
        stream_ref, limit = self._stream, self._limit
        if inspect.iscoroutinefunction(read):

            async def aread_governed(max_bytes: int, timeout: float | None = None) -> Any:
                return await read(stream_ref, max_bytes, limit(timeout))

            self._stream.read = aread_governed
        else:

            def read_governed(max_bytes: int, timeout: float | None = None) -> Any:
                return read(stream_ref, max_bytes, limit(timeout))

            self._stream.read = read_governed

    def remove(self) -> None:
        """Give the connection back as it was; it may serve another response next."""
        if self._stream is not None:
            self._stream.__dict__.pop("read", None)
            self._stream = None


def interrupt_reads(response: httpx.Response) -> None:
    """Wake a thread that is blocked reading this response, by ending the connection under it.

    Closing a socket does not wake the thread that waits for it; shutting it down does.
    """
    stream = response.extensions.get("network_stream")
    connection = None if stream is None else stream.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            # Not SSLSocket's own shutdown, which would take the TLS state from under the reader.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


for _public in (DefaultHttpxClient, DefaultAsyncHttpxClient):
    _public.__module__ = "groq"
del _public
