"""Pools: many loops, threads and processes, many streams, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from groq import AsyncGroq, Groq
from groq._transport import shared_tls_context

if TYPE_CHECKING:
    from sdk.tests.conftest import Exchange, LoopbackServer

Serve = Callable[[Callable[["Exchange"], None]], "LoopbackServer"]
Payload = Callable[..., dict[str, object]]

HELLO: Any = [{"role": "user", "content": "Say hello."}]


def answering(serve: Serve, completion: Payload) -> LoopbackServer:
    return serve(lambda exchange: exchange.respond(completion()))


def num_open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_one_client_serves_many_event_loops(serve: Serve, completion: Payload) -> None:
    """Each loop has its own connections, and takes them with it; nothing warns."""
    server = answering(serve, completion)
    client = AsyncGroq(api_key="k", base_url=server.url)

    async def call_twice() -> None:
        for _ in range(2):
            await client.chat.completions.create(messages=HELLO, model="m")

    before = num_open_files()
    for _ in range(3):
        asyncio.run(call_twice())
    gc.collect()

    assert server.num_connections == 3
    assert all(exchange.headers["x-stainless-retry-count"] == "0" for exchange in server.exchanges)
    time.sleep(0.05)  # the server's side closes in its own threads
    assert num_open_files() <= before


def test_one_client_serves_loops_in_several_threads(serve: Serve, completion: Payload) -> None:
    """At the same time."""
    server = answering(serve, completion)
    client = AsyncGroq(api_key="k", base_url=server.url)

    def run(_: int) -> str | None:
        async def call() -> str | None:
            answer = await client.chat.completions.create(messages=HELLO, model="m")
            return answer.choices[0].message.content

        return asyncio.run(call())

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(run, range(8))) == ["Hello."] * 8


def test_dropping_a_client_inside_its_loop_closes_its_connections(
    serve: Serve, completion: Payload
) -> None:
    """Per-request clients leave nothing behind, even if nobody closes them."""
    left: list[float | None] = []

    def handler(exchange: Exchange) -> None:
        exchange.respond(completion())
        left.append(exchange.wait_for_disconnect(2))
        exchange.cut()

    server = serve(handler)

    async def main() -> None:
        client = AsyncGroq(api_key="k", base_url=server.url)
        await client.chat.completions.create(messages=HELLO, model="m")
        del client
        gc.collect()
        for _ in range(100):
            if left:
                break
            await asyncio.sleep(0.01)

    asyncio.run(main())

    assert len(left) == 1
    assert left[0] is not None


def test_a_call_looks_for_no_missing_module(serve: Serve, completion: Payload) -> None:
    """A failed import is not remembered: httpcore without sniffio searches the disk eleven times."""
    server = answering(serve, completion)
    searched: list[str] = []

    class Spy:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            searched.append(name)

    async def main() -> None:
        async with AsyncGroq(api_key="k", base_url=server.url) as client:
            await client.chat.completions.create(messages=HELLO, model="m")
            sys.meta_path.insert(0, Spy)
            try:
                await client.chat.completions.create(messages=HELLO, model="m")
            finally:
                sys.meta_path.remove(Spy)

    asyncio.run(main())

    assert searched == []


def test_copies_share_connections(serve: Serve, completion: Payload) -> None:
    """`with_options` per call does not mean a connection per call."""
    server = answering(serve, completion)
    with Groq(api_key="k", base_url=server.url) as client:
        for number in range(5):
            client.with_options(max_retries=number).models.with_raw_response.list()

    assert server.num_connections == 1


def test_threads_share_a_synchronous_client(serve: Serve, completion: Payload) -> None:
    """And its pool."""
    server = answering(serve, completion)
    with Groq(api_key="k", base_url=server.url) as client, ThreadPoolExecutor(8) as threads:

        def call(_: int) -> str | None:
            answer = client.chat.completions.create(messages=HELLO, model="m")
            return answer.choices[0].message.content

        assert list(threads.map(call, range(40))) == ["Hello."] * 40
    assert server.num_connections <= 8


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_opens_its_own_connection(serve: Serve, completion: Payload) -> None:
    """Parent and child never write into the same socket."""
    server = answering(serve, completion)
    with Groq(api_key="k", base_url=server.url) as client:
        client.models.with_raw_response.list()
        child = os.fork()
        if child == 0:
            try:
                client.models.with_raw_response.list()
                os._exit(0)
            except BaseException:  # the child must not run the rest of the test suite
                os._exit(1)
        _, status = os.waitpid(child, 0)
        client.models.with_raw_response.list()

    assert status == 0
    assert [exchange.connection_number for exchange in server.exchanges] == [1, 2, 1]


async def test_130_streams_run_at_once(serve: Serve, chunk: Payload) -> None:
    """The pool is no bottleneck: every request reaches the server before any is answered."""
    everyone = threading.Barrier(130)

    def handler(exchange: Exchange) -> None:
        everyone.wait(10)
        exchange.start_stream()
        exchange.send_event(chunk("x", "stop"))
        exchange.send_event("[DONE]")
        exchange.end_stream()

    server = serve(handler)
    async with AsyncGroq(api_key="k", base_url=server.url) as client:

        async def consume() -> int:
            stream = await client.chat.completions.create(messages=HELLO, model="m", stream=True)
            return len([chunk async for chunk in stream])

        assert await asyncio.gather(*(consume() for _ in range(130))) == [1] * 130
    assert server.num_connections == 130


def test_all_clients_share_one_tls_context() -> None:
    """It verifies as httpx's would, and reads the trust store at the first handshake."""
    context = shared_tls_context()

    assert shared_tls_context() is context
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    clients = [Groq(api_key="k") for _ in range(3)]
    transports = [client._client._transport for client in clients]
    assert {transport._pool._ssl_context for transport in transports} == {context}  # type: ignore[attr-defined]
    for client in clients:
        client.close()


def test_the_trust_store_is_read_at_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A context that would trust nobody refuses; ours has loaded its authorities by then."""
    from groq._transport import _TrustOnFirstUse

    context = _TrustOnFirstUse(ssl.PROTOCOL_TLS_CLIENT)
    assert context.cert_store_stats()["x509"] == 0

    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")

    assert context.cert_store_stats()["x509"] > 50


def rss_kb() -> int:
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1])


@pytest.mark.slow
def test_ten_thousand_calls_leave_nothing_behind(serve: Serve, completion: Payload) -> None:
    """No socket, no thread, no memory that grows with the number of calls."""
    server = answering(serve, completion)
    with Groq(api_key="k", base_url=server.url) as client:

        def call(times: int) -> None:
            for _ in range(times):
                client.chat.completions.create(messages=HELLO, model="m")
                server.exchanges.clear()

        call(2000)
        files, threads, memory = num_open_files(), threading.active_count(), rss_kb()
        call(8000)

        assert num_open_files() == files
        assert threading.active_count() == threads
        assert rss_kb() - memory < 2000
    assert server.num_connections == 1


@pytest.mark.slow
def test_a_thousand_abandoned_streams_leave_nothing_behind(serve: Serve, chunk: Payload) -> None:
    """Every one is closed at once; sockets and tasks do not pile up."""

    def handler(exchange: Exchange) -> None:
        try:
            exchange.start_stream()
            exchange.send_event(chunk("x"))
            exchange.wait_for_disconnect(5)
        except OSError:
            pass
        exchange.cut()

    server = serve(handler)

    async def main() -> None:
        async with AsyncGroq(api_key="k", base_url=server.url) as client:

            async def abandon() -> None:
                async for _ in await client.chat.completions.create(
                    messages=HELLO, model="m", stream=True
                ):
                    break
                server.exchanges.clear()

            async def settle() -> None:
                for _ in range(50):
                    await asyncio.sleep(0.01)

            for _ in range(100):
                await abandon()
            await settle()
            files, tasks, memory = num_open_files(), len(asyncio.all_tasks()), rss_kb()
            for _ in range(900):
                await abandon()
            await settle()
            assert num_open_files() <= files + 2
            assert len(asyncio.all_tasks()) == tasks
            assert rss_kb() - memory < 4000

    asyncio.run(main())
