"""Where the published clients were found wanting: one test for each of those findings.

Every probe is a program a user would write, over a real socket. What they found in groq 1.7.0,
openai 3.54.0 and anthropic 2.12.0 is in each docstring; what ours promises is what is asserted.
Details of the same promises are tested beside the modules that keep them.
"""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import logging
import pickle
import threading
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import BaseModel

import groq
from groq import AsyncGroq, Groq, RetryPolicy, Timeout

if TYPE_CHECKING:
    from .conftest import Exchange, LoopbackServer

Serve = Callable[[Callable[["Exchange"], None]], "LoopbackServer"]
Payload = Callable[..., dict[str, object]]

HELLO: Any = [{"role": "user", "content": "Say hello."}]
REQUEST: dict[str, Any] = {"model": "m", "messages": HELLO}


class City(BaseModel):
    name: str


def client_of(server: LoopbackServer, **options: Any) -> Groq:
    return Groq(api_key="k", base_url=server.url, **options)


def streaming(serve: Serve, tell: Callable[[Exchange], None]) -> LoopbackServer:
    """A server whose streams `tell` writes after the headers."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        tell(exchange)

    return serve(handler)


def unending(serve: Serve, chunk: Payload) -> LoopbackServer:
    """A server that notes how long after its one chunk the client left."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.send_event(chunk("x"))
        server.disconnects_s.append(exchange.wait_for_disconnect(5))

    server = serve(handler)
    return server


def wait_until_left(server: LoopbackServer) -> float | None:
    end = time.monotonic() + 6
    while not server.disconnects_s and time.monotonic() < end:
        time.sleep(0.005)
    return server.disconnects_s[0]


def refusing(serve: Serve, status: int, **headers: str) -> LoopbackServer:
    error = {"error": {"message": "no", "type": "t", "code": "c"}}
    return serve(lambda exchange: exchange.respond(error, status=status, headers=headers))


def test_an_api_error_pickles_and_copies(serve: Serve) -> None:
    """groq, openai: TypeError."""
    with client_of(refusing(serve, 400)) as client, pytest.raises(groq.BadRequestError) as caught:
        client.chat.completions.create(**REQUEST)
    for twin in (pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)):
        assert type(twin) is groq.BadRequestError
        assert (str(twin), twin.code, twin.body) == (
            str(caught.value),
            caught.value.code,
            caught.value.body,
        )


def test_break_tells_the_server_at_once(serve: Serve, chunk: Payload) -> None:
    """groq, openai: at the next garbage collection; here with the variable alive, and no gc."""
    server = unending(serve, chunk)
    gc.disable()
    try:
        with client_of(server) as client:
            stream = client.chat.completions.create(**REQUEST, stream=True)
            for _ in stream:
                break
            left_s = wait_until_left(server)
    finally:
        gc.enable()
    assert left_s is not None
    assert left_s < 0.5


async def test_async_break_tells_the_server_at_once(serve: Serve, chunk: Payload) -> None:
    """groq, openai: at the next garbage collection; anthropic: after 0.2 s."""
    server = unending(serve, chunk)
    gc.disable()
    try:
        async with AsyncGroq(api_key="k", base_url=server.url) as client:
            stream = await client.chat.completions.create(**REQUEST, stream=True)
            async for _ in stream:
                break
            left_s = await asyncio.to_thread(wait_until_left, server)
    finally:
        gc.enable()
    assert left_s is not None
    assert left_s < 0.5


async def test_cancellation_tells_the_server_at_once(serve: Serve, chunk: Payload) -> None:
    """All three do this, and so do we."""
    server = unending(serve, chunk)
    async with AsyncGroq(api_key="k", base_url=server.url) as client:

        async def consume() -> None:
            async for _ in await client.chat.completions.create(**REQUEST, stream=True):
                asyncio.get_running_loop().call_soon(task.cancel)

        task = asyncio.create_task(consume())
        with pytest.raises(asyncio.CancelledError):
            await task
        left_s = await asyncio.to_thread(wait_until_left, server)
    assert left_s is not None
    assert left_s < 0.5


def test_a_cut_connection_is_a_typed_error(serve: Serve, chunk: Payload) -> None:
    """groq, anthropic: the transport's own exception."""

    def tell(exchange: Exchange) -> None:
        exchange.send_event(chunk("half"))
        exchange.cut()

    with client_of(streaming(serve, tell)) as client:
        stream = client.chat.completions.create(**REQUEST, stream=True)
        with pytest.raises(groq.APIConnectionError) as caught:
            list(stream)
    assert isinstance(caught.value, groq.IncompleteStreamError)
    assert caught.value.partial_text == "half"


def test_a_truncated_stream_does_not_look_complete(serve: Serve, chunk: Payload) -> None:
    """All three are silent; we say so when asked, and can be told to raise."""

    def tell(exchange: Exchange) -> None:
        exchange.send_event(chunk("half"))
        exchange.end_stream()

    with client_of(streaming(serve, tell)) as client:
        stream = client.chat.completions.create(**REQUEST, stream=True)
        list(stream)
        assert not stream.completed
        with pytest.raises(groq.IncompleteStreamError, match="DONE"):
            list(client.chat.completions.create(**REQUEST, stream=True).require_complete())


def test_a_broken_event_is_a_typed_error(serve: Serve, chunk: Payload) -> None:
    """All three: json.JSONDecodeError."""

    def tell(exchange: Exchange) -> None:
        exchange.send_event(chunk("x"))
        exchange.send_event('{"id": ')

    with client_of(streaming(serve, tell)) as client:
        stream = client.chat.completions.create(**REQUEST, stream=True)
        with pytest.raises(groq.APIError, match="no chunk"):
            list(stream)


def test_an_error_event_is_raised_as_its_status(serve: Serve, chunk: Payload) -> None:
    """groq, openai: a bare APIError; anthropic: a status of 200."""
    error = {
        "message": "Failed to call a function.",
        "type": "invalid_request_error",
        "code": "tool_use_failed",
        "failed_generation": "<function",
        "status_code": 400,
    }

    def tell(exchange: Exchange) -> None:
        exchange.send_event(chunk("x"))
        exchange.send_piece(
            b"event: error\ndata: " + json.dumps({"error": error}).encode() + b"\n\n"
        )

    with client_of(streaming(serve, tell)) as client:
        stream = client.chat.completions.create(**REQUEST, stream=True)
        with pytest.raises(groq.BadRequestError) as caught:
            list(stream)
    assert caught.value.status_code == 400
    assert caught.value.code == "tool_use_failed"
    assert caught.value.failed_generation == "<function"
    assert caught.value.body == error


@pytest.mark.parametrize("retry_after", ["61", "300"])
def test_a_long_retry_after_is_never_disobeyed(serve: Serve, retry_after: str) -> None:
    """groq: asks again after half a second."""
    server = refusing(serve, 429, **{"retry-after": retry_after})
    with client_of(server) as client, pytest.raises(groq.RateLimitError) as caught:
        client.chat.completions.create(**REQUEST)
    assert len(server.exchanges) == 1
    assert caught.value.retry_after == float(retry_after)


@pytest.mark.parametrize(("status", "attempts"), [(413, 1), (498, 3)])
def test_only_what_may_pass_is_tried_again(serve: Serve, status: int, attempts: int) -> None:
    """All three give up on 498, Groq's word for being out of capacity."""
    server = refusing(serve, status)
    with client_of(server) as client:
        client.retry_policy = RetryPolicy(base_s=0.001)
        with pytest.raises(groq.APIStatusError):
            client.chat.completions.create(**REQUEST)
    assert len(server.exchanges) == attempts


def test_a_deadline_holds_against_a_dripping_body(serve: Serve) -> None:
    """All three: no timeout, since every single byte comes in time."""

    def drip(exchange: Exchange) -> None:
        exchange.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 60\r\n\r\n"
        )
        for _ in range(60):
            exchange.send(b" ")
            time.sleep(0.1)

    with client_of(serve(drip), max_retries=0) as client:
        started = time.monotonic()
        with pytest.raises(groq.APITimeoutError) as caught:
            client.chat.completions.create(**REQUEST, timeout=Timeout(total=1.0))
    assert caught.value.phase == "total"
    assert time.monotonic() - started == pytest.approx(1.0, abs=0.4)


def test_a_page_of_html_is_no_completion(serve: Serve) -> None:
    """All three return it as a str where a completion is promised."""
    server = serve(
        lambda exchange: exchange.respond("<html>", headers={"content-type": "text/html"})
    )
    with client_of(server) as client, pytest.raises(groq.APIResponseValidationError, match="html"):
        client.chat.completions.create(**REQUEST)


def test_the_debug_log_shows_no_prompt(
    serve: Serve, completion: Payload, caplog: pytest.LogCaptureFixture
) -> None:
    """groq, anthropic: the prompt."""
    with (
        caplog.at_level(logging.DEBUG),
        client_of(
            serve(lambda exchange: exchange.respond(completion("a secret answer")))
        ) as client,
    ):
        client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "a secret question"}]
        )
    assert "chat/completions" in caplog.text
    assert "secret" not in caplog.text


def test_a_mistake_in_a_hook_is_raised_once(serve: Serve, completion: Payload) -> None:
    """groq, anthropic: three attempts, then a connection error."""
    calls = []

    def hook(request: httpx.Request) -> None:
        calls.append(request)
        raise ValueError("mine")

    server = serve(lambda exchange: exchange.respond(completion()))
    http_client = httpx.Client(event_hooks={"request": [hook]})
    with (
        client_of(server, http_client=http_client) as client,
        pytest.raises(ValueError, match="mine"),
    ):
        client.chat.completions.create(**REQUEST)
    assert len(calls) == 1


def test_iteration_ends_with_done(serve: Serve, chunk: Payload) -> None:
    """groq, anthropic: blocked for the 400 ms that the server takes to end the body."""
    may_end = threading.Event()

    def tell(exchange: Exchange) -> None:
        exchange.send_event(chunk("x", "stop"))
        exchange.send_event("[DONE]")
        may_end.wait(2)

    with client_of(streaming(serve, tell)) as client:
        stream = client.chat.completions.create(**REQUEST, stream=True)
        next(stream)
        started = time.monotonic()
        assert list(stream) == []
        assert time.monotonic() - started < 0.3
    may_end.set()


def test_one_client_serves_many_event_loops(serve: Serve, completion: Payload) -> None:
    """openai: RuntimeError; groq, anthropic: saved by a retry. Ours needs none."""
    server = serve(lambda exchange: exchange.respond(completion("Hi.")))
    client = AsyncGroq(api_key="k", base_url=server.url, max_retries=0)

    async def ask() -> Any:
        answer = await client.chat.completions.create(**REQUEST)
        return answer.choices[0].message.content

    assert [asyncio.run(ask()) for _ in range(3)] == ["Hi."] * 3


@pytest.mark.filterwarnings("error")
def test_a_dropped_client_is_silent(
    serve: Serve, completion: Payload, caplog: pytest.LogCaptureFixture
) -> None:
    """All three: "Event loop is closed", unhandled."""
    server = serve(lambda exchange: exchange.respond(completion()))

    async def ask() -> None:
        await AsyncGroq(api_key="k", base_url=server.url).chat.completions.create(**REQUEST)

    asyncio.run(ask())
    asyncio.run(ask())
    gc.collect()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_clients_and_streams_have_aclose(serve: Serve, chunk: Payload) -> None:
    """groq, anthropic: neither; openai: streams only."""
    server = unending(serve, chunk)
    async with aclosing(AsyncGroq(api_key="k", base_url=server.url)) as client:
        async with aclosing(await client.chat.completions.create(**REQUEST, stream=True)) as stream:
            await stream.__anext__()
        with pytest.raises(groq.StreamClosedError):
            await stream.__anext__()
    assert client.is_closed()


def test_parse_and_create_take_a_type(serve: Serve, completion: Payload) -> None:
    """groq: no parse, and "ModelMetaclass is not JSON serializable" from create."""
    server = serve(lambda exchange: exchange.respond(completion('{"name": "Paris"}')))
    with client_of(server) as client:
        parsed = client.chat.completions.parse(**REQUEST, response_format=City)
        created = client.chat.completions.create(**REQUEST, response_format=City)
    assert parsed.parsed == City(name="Paris")
    assert created.choices[0].message.content == '{"name": "Paris"}'
    formats = [exchange.json()["response_format"]["type"] for exchange in server.exchanges]
    assert formats == ["json_schema", "json_schema"]


def test_stream_has_a_helper(serve: Serve, chunk: Payload) -> None:
    """groq: none."""

    def tell(exchange: Exchange) -> None:
        for text in ('{"name": ', '"Paris"}'):
            exchange.send_event(chunk(text))
        exchange.send_event(chunk(finish_reason="stop"))
        exchange.send_event("[DONE]")
        exchange.end_stream()

    with (
        client_of(streaming(serve, tell)) as client,
        client.chat.completions.stream(**REQUEST, response_format=City) as stream,
    ):
        assert stream.get_final_completion().parsed == City(name="Paris")


def test_a_base_url_may_end_as_others_do(serve: Serve, completion: Payload) -> None:
    """groq: /openai/v1/openai/v1/chat/completions, and 404."""
    server = serve(lambda exchange: exchange.respond(completion()))
    with Groq(api_key="k", base_url=server.url + "/openai/v1") as client:
        client.chat.completions.create(**REQUEST)
    assert server.exchanges[0].path == "/openai/v1/chat/completions"


async def test_a_hundred_and_thirty_streams_run_at_once(serve: Serve, chunk: Payload) -> None:
    """groq: a hundred, and thirty that wait. The server answers nobody until all are there."""
    everyone = threading.Barrier(130)

    def tell(exchange: Exchange) -> None:
        everyone.wait(20)
        exchange.send_event(chunk("x", "stop"))
        exchange.send_event("[DONE]")
        exchange.end_stream()

    server = streaming(serve, tell)
    async with AsyncGroq(api_key="k", base_url=server.url) as client:

        async def consume() -> int:
            stream = await client.chat.completions.create(**REQUEST, stream=True)
            return len([chunk async for chunk in stream])

        assert await asyncio.gather(*(consume() for _ in range(130))) == [1] * 130


def test_results_know_their_request_id(serve: Serve, completion: Payload) -> None:
    """groq: no such attribute."""
    server = serve(
        lambda exchange: exchange.respond(completion(), headers={"x-request-id": "req_7"})
    )
    with client_of(server) as client:
        assert client.chat.completions.create(**REQUEST)._request_id == "req_7"
