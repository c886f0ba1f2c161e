"""Streams over a real connection: whole, broken, abandoned, late."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

import groq
from groq import AsyncGroq, Groq, Timeout

if TYPE_CHECKING:
    from sdk.tests.conftest import Exchange, LoopbackServer

Serve = Callable[[Callable[["Exchange"], None]], "LoopbackServer"]
Payload = Callable[..., dict[str, object]]

HELLO: Any = [{"role": "user", "content": "Say hello."}]
AT_ONCE_S = 0.5


def open_stream(client: Groq, **options: Any) -> groq.Stream[Any]:
    stream: groq.Stream[Any]
    stream = client.chat.completions.create(messages=HELLO, model="m", stream=True, **options)
    return stream


async def open_async_stream(client: AsyncGroq, **options: Any) -> groq.AsyncStream[Any]:
    stream: groq.AsyncStream[Any]
    stream = await client.chat.completions.create(messages=HELLO, model="m", stream=True, **options)
    return stream


@pytest.fixture
def whole(serve: Serve, chunk: Payload) -> LoopbackServer:
    """A stream that ends as it should."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream({"x-request-id": "req_1"})
        for text in ("Hel", "lo"):
            exchange.send_event(chunk(text))
        exchange.send_event(chunk(finish_reason="stop"))
        exchange.send_event("[DONE]")
        exchange.end_stream()

    return serve(handler)


@pytest.fixture
def endless(serve: Serve, chunk: Payload) -> LoopbackServer:
    """A stream that says two things, then waits for the client to leave, and notes when it did."""

    def handler(exchange: Exchange) -> None:
        try:
            exchange.start_stream()
            exchange.send_event(chunk("Hel"))
            exchange.send_event(chunk("lo"))
            server.disconnects_s.append(exchange.wait_for_disconnect(5))
        except OSError:  # it left before we had finished
            server.disconnects_s.append(0.0)
        exchange.cut()

    server = serve(handler)
    return server


def left_at_once(server: LoopbackServer, num_disconnects: int = 1) -> bool:
    """Whether the server saw every client leave within AT_ONCE_S of being told nothing more."""
    end = time.monotonic() + AT_ONCE_S
    while len(server.disconnects_s) < num_disconnects and time.monotonic() < end:
        time.sleep(0.005)
    return len(server.disconnects_s) == num_disconnects and None not in server.disconnects_s


async def aleft_at_once(server: LoopbackServer) -> bool:
    return await asyncio.to_thread(left_at_once, server)


# --------------------------------------------------------------------------- whole streams


def test_a_stream_gives_its_chunks_and_keeps_the_connection(whole: LoopbackServer) -> None:
    """Text arrives in order; the end is known; the next call needs no new connection."""
    with Groq(api_key="k", base_url=whole.url) as client:
        for _ in range(3):
            stream = open_stream(client)
            text = [chunk.choices[0].delta.content for chunk in stream]

            assert text == ["Hel", "lo", None]
            assert (stream.completed, stream.finish_reason) == (True, "stop")
            assert (stream.partial_text, stream.request_id) == ("Hello", "req_1")

    assert whole.num_connections == 1


async def test_an_asynchronous_stream_does_the_same(whole: LoopbackServer) -> None:
    """Await `create`, then `async for`."""
    async with AsyncGroq(api_key="k", base_url=whole.url) as client:
        for _ in range(3):
            stream = await open_async_stream(client)
            text = [chunk.choices[0].delta.content async for chunk in stream]

            assert text == ["Hel", "lo", None]
            assert (stream.completed, stream.partial_text) == (True, "Hello")

    assert whole.num_connections == 1


def test_next_and_iter_work_together(whole: LoopbackServer) -> None:
    """A stream is its own source: what `next` took, the loop does not see again."""
    with Groq(api_key="k", base_url=whole.url) as client:
        stream = open_stream(client)
        first = next(stream)
        rest = iter(stream)

        assert first.choices[0].delta.content == "Hel"
        assert next(rest).choices[0].delta.content == "lo"
        assert next(stream).choices[0].finish_reason == "stop"
        assert list(rest) == []


def test_a_stream_that_was_read_is_empty_afterwards(whole: LoopbackServer) -> None:
    """Iterating again is no error: there is just nothing left."""
    with Groq(api_key="k", base_url=whole.url) as client:
        stream = open_stream(client)
        assert len(list(stream)) == 3
        assert list(stream) == []
        with pytest.raises(StopIteration):
            next(stream)


async def test_an_async_stream_that_was_read_is_empty_afterwards(whole: LoopbackServer) -> None:
    """The same, awaiting."""
    async with AsyncGroq(api_key="k", base_url=whole.url) as client:
        stream = await open_async_stream(client)
        assert len([chunk async for chunk in stream]) == 3
        assert [chunk async for chunk in stream] == []


def test_done_ends_the_stream_even_if_the_body_goes_on(serve: Serve, chunk: Payload) -> None:
    """A proxy that holds the end of the body back delays nobody by more than a moment."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.send_event(chunk("x", "stop"))
        exchange.send_event("[DONE]")
        time.sleep(0.4)
        exchange.cut()

    server = serve(handler)
    with Groq(api_key="k", base_url=server.url) as client:
        started = time.monotonic()
        assert len(list(open_stream(client))) == 1
        assert time.monotonic() - started < 0.3


def test_unknown_events_and_comments_are_passed_over(serve: Serve, chunk: Payload) -> None:
    """Keep-alives and events of another kind are no chunks."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.send_piece(b": ping\n\nid: 1\n\nevent: ping\ndata: {}\n\n")
        exchange.send_event(chunk("x", "stop"))
        exchange.send_piece(b"retry: 5\n\ndata: [DONE]\n\n")
        exchange.end_stream()

    server = serve(handler)
    with Groq(api_key="k", base_url=server.url) as client:
        assert [c.choices[0].delta.content for c in open_stream(client)] == ["x"]


def test_a_chunk_may_be_cut_anywhere(serve: Serve, chunk: Payload) -> None:
    """The borders of network packets are not those of events."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        for byte in b'data: {"choices":[{"index":0,"delta":{"content":"\xc3\xa9"}}]}\n\n':
            exchange.send_piece(bytes([byte]))
        exchange.send_event("[DONE]")
        exchange.end_stream()

    server = serve(handler)
    with Groq(api_key="k", base_url=server.url) as client:
        assert [c.choices[0].delta.content for c in open_stream(client)] == ["é"]


# --------------------------------------------------------------------------- leaving early


def test_leaving_the_loop_closes_the_stream_at_once(endless: LoopbackServer) -> None:
    """Even while the stream's variable lives; going on afterwards is an error, not silence."""
    with Groq(api_key="k", base_url=endless.url) as client:
        stream = open_stream(client)
        for _ in stream:
            break

        assert left_at_once(endless)
        with pytest.raises(groq.StreamClosedError):
            next(stream)


def test_an_exception_in_the_loop_closes_the_stream(endless: LoopbackServer) -> None:
    """The traceback keeps frames alive, but not the connection."""

    def consume(client: Groq) -> None:
        for _ in open_stream(client):
            raise KeyError("mine")

    with Groq(api_key="k", base_url=endless.url) as client:
        try:
            consume(client)
        except KeyError:
            assert left_at_once(endless)


def test_dropping_a_stream_closes_it(endless: LoopbackServer) -> None:
    """Begun or not, without waiting for the garbage collector's cycle search."""
    gc.disable()
    try:
        with Groq(api_key="k", base_url=endless.url) as client:
            begun = open_stream(client)
            next(begun)
            del begun
            assert left_at_once(endless, 1)
            untouched = open_stream(client)
            del untouched
            assert left_at_once(endless, 2)
    finally:
        gc.enable()


def test_a_context_manager_closes_the_stream(endless: LoopbackServer) -> None:
    """Also if nothing was read."""
    with Groq(api_key="k", base_url=endless.url) as client, open_stream(client):
        pass
    assert left_at_once(endless)


async def test_leaving_an_async_loop_closes_the_stream(endless: LoopbackServer) -> None:
    """At the next turn of the event loop."""
    async with AsyncGroq(api_key="k", base_url=endless.url) as client:
        stream = await open_async_stream(client)
        async for _ in stream:
            break

        assert await aleft_at_once(endless)
        with pytest.raises(groq.StreamClosedError):
            await stream.__anext__()


async def test_dropping_an_untouched_async_stream_closes_it(endless: LoopbackServer) -> None:
    """Nobody needs to remember to iterate."""
    async with AsyncGroq(api_key="k", base_url=endless.url) as client:
        stream = await open_async_stream(client)
        del stream

        assert await aleft_at_once(endless)


async def test_cancelling_the_task_closes_the_stream(endless: LoopbackServer) -> None:
    """And the cancellation reaches the task unharmed."""
    async with AsyncGroq(api_key="k", base_url=endless.url) as client:
        begun = asyncio.Event()

        async def consume() -> None:
            async for _ in await open_async_stream(client):
                begun.set()

        task = asyncio.create_task(consume())
        await asyncio.wait_for(begun.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await aleft_at_once(endless)


async def test_aclosing_closes_the_stream(endless: LoopbackServer) -> None:
    """`aclose` is there for the standard library's helper."""
    async with AsyncGroq(api_key="k", base_url=endless.url) as client:
        async with aclosing(await open_async_stream(client)) as stream:
            await stream.__anext__()

        assert await aleft_at_once(endless)


def test_closing_from_another_thread_ends_the_wait(endless: LoopbackServer) -> None:
    """A stream that is being read can be stopped from outside."""
    with Groq(api_key="k", base_url=endless.url) as client:
        stream = open_stream(client)
        next(stream), next(stream)
        threading.Timer(0.05, stream.close).start()
        started = time.monotonic()
        with pytest.raises(groq.GroqError):
            next(stream)

        assert time.monotonic() - started < 1


# --------------------------------------------------------------------------- broken streams


def broken(serve: Serve, *pieces: bytes, cut: bool = False) -> LoopbackServer:
    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        for piece in pieces:
            exchange.send_piece(piece)
        if cut:
            exchange.cut()
        else:
            exchange.end_stream()

    return serve(handler)


CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n'


def test_a_cut_connection_is_a_typed_error_with_the_text_so_far(serve: Serve) -> None:
    """No exception of the HTTP library gets through."""
    server = broken(serve, CHUNK, cut=True)
    with (
        Groq(api_key="k", base_url=server.url) as client,
        pytest.raises(groq.APIConnectionError) as caught,
    ):
        list(open_stream(client))

    assert isinstance(caught.value, groq.IncompleteStreamError)
    assert caught.value.partial_text == "Hel"


async def test_a_cut_connection_is_the_same_error_asynchronously(serve: Serve) -> None:
    """Both colours translate alike."""
    server = broken(serve, CHUNK, cut=True)
    async with AsyncGroq(api_key="k", base_url=server.url) as client:
        with pytest.raises(groq.IncompleteStreamError) as caught:
            [chunk async for chunk in await open_async_stream(client)]

    assert caught.value.partial_text == "Hel"


def test_an_event_that_is_no_json_is_a_typed_error(serve: Serve) -> None:
    """What came before it has been handed out; the text of the event is in the body."""
    server = broken(serve, CHUNK, b"data: {broken\n\n")
    with Groq(api_key="k", base_url=server.url) as client:
        stream = iter(open_stream(client))
        assert next(stream).choices[0].delta.content == "Hel"
        with pytest.raises(groq.APIResponseValidationError) as caught:
            next(stream)

    assert caught.value.body == "{broken"


@pytest.mark.parametrize("prefix", [b"event: error\n", b""])
def test_an_error_event_is_raised_as_its_status(serve: Serve, prefix: bytes) -> None:
    """Named or not, after part of the answer."""
    payload = b'{"error":{"message":"no","code":"tool_use_failed","status_code":400}}'
    server = broken(serve, CHUNK, prefix + b"data: " + payload + b"\n\n")
    with (
        Groq(api_key="k", base_url=server.url) as client,
        pytest.raises(groq.BadRequestError) as caught,
    ):
        list(open_stream(client))

    assert caught.value.code == "tool_use_failed"


def test_an_end_without_an_end_is_silent_unless_completeness_is_required(serve: Serve) -> None:
    """Some servers omit both `[DONE]` and the finish reason, so raising is asked for."""
    server = broken(serve, CHUNK)
    with Groq(api_key="k", base_url=server.url) as client:
        stream = open_stream(client)
        assert len(list(stream)) == 1
        assert not stream.completed
        with pytest.raises(groq.IncompleteStreamError) as caught:
            list(open_stream(client).require_complete())

    assert caught.value.partial_text == "Hel"


def test_a_refused_stream_is_an_ordinary_status_error(serve: Serve) -> None:
    """Before the first event, faults have an honest status."""
    server = serve(lambda exchange: exchange.respond({"error": {"message": "no"}}, status=404))
    with Groq(api_key="k", base_url=server.url) as client, pytest.raises(groq.NotFoundError):
        open_stream(client)


def failing_first(serve: Serve, chunk: Payload, num_failures: int) -> LoopbackServer:
    """Streams that fail before their first chunk, then one that does not."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        number = len(server.exchanges)
        if number <= num_failures:
            if number % 2:
                exchange.send_event({"error": {"message": "full", "status_code": 503}})
            exchange.cut()
            return
        exchange.send_event(chunk("Hello", "stop"))
        exchange.send_event("[DONE]")
        exchange.end_stream()

    server = serve(handler)
    return server


QUICK = groq.RetryPolicy(base_s=0.001)


def test_a_stream_that_fails_before_its_first_chunk_is_retried(
    serve: Serve, chunk: Payload
) -> None:
    """Nothing was handed out, so the caller cannot tell."""
    server = failing_first(serve, chunk, 2)
    with Groq(api_key="k", base_url=server.url, retry_policy=QUICK) as client:
        chunks = list(open_stream(client))

    assert [c.choices[0].delta.content for c in chunks] == ["Hello"]
    assert [e.headers["x-stainless-retry-count"] for e in server.exchanges] == ["0", "1", "2"]


async def test_the_first_chunk_is_retried_asynchronously(serve: Serve, chunk: Payload) -> None:
    """And only as often as any other call."""
    server = failing_first(serve, chunk, 2)
    async with AsyncGroq(api_key="k", base_url=server.url, retry_policy=QUICK) as client:
        chunks = [c async for c in await open_async_stream(client)]
        assert [c.choices[0].delta.content for c in chunks] == ["Hello"]

    server = failing_first(serve, chunk, 9)
    async with AsyncGroq(api_key="k", base_url=server.url, retry_policy=QUICK) as client:
        stream = await open_async_stream(client)
        with pytest.raises(groq.ServiceUnavailableError):
            await stream.__anext__()
    assert len(server.exchanges) == 3


# --------------------------------------------------------------------------- deadlines


def stalling(serve: Serve, num_chunks: int) -> LoopbackServer:
    """Some chunks at once, then nothing but keep-alive comments."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        for _ in range(num_chunks):
            exchange.send_piece(CHUNK)
        for _ in range(60):
            exchange.send_piece(b": ping\n\n")
            time.sleep(0.05)

    return serve(handler)


@pytest.mark.parametrize(
    ("limits", "num_chunks", "phase"),
    [
        ({"first_token": 0.3}, 0, "first_token"),
        ({"between_tokens": 0.3}, 1, "between_tokens"),
        ({"total": 0.3}, 1, "total"),
    ],
)
def test_a_stalled_stream_ends_at_its_deadline(
    serve: Serve, limits: dict[str, float], num_chunks: int, phase: str
) -> None:
    """Keep-alives do not count as progress; the error tells the phase and the text so far."""
    server = stalling(serve, num_chunks)
    started = time.monotonic()
    with (
        Groq(api_key="k", base_url=server.url, timeout=Timeout(**limits)) as client,
        pytest.raises(groq.APITimeoutError) as caught,
    ):
        list(open_stream(client))

    assert (caught.value.phase, caught.value.partial_text) == (phase, "Hel" * num_chunks)
    assert 0.3 <= time.monotonic() - started < 0.7


async def test_a_stalled_async_stream_ends_at_its_deadline(serve: Serve) -> None:
    """The same, awaiting."""
    server = stalling(serve, 1)
    started = time.monotonic()
    async with AsyncGroq(api_key="k", base_url=server.url) as client:
        stream = await open_async_stream(client, timeout=Timeout(between_tokens=0.3))
        with pytest.raises(groq.APITimeoutError) as caught:
            [chunk async for chunk in stream]

    assert caught.value.phase == "between_tokens"
    assert 0.3 <= time.monotonic() - started < 0.7
