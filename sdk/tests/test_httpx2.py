"""Clients of httpx2, which carries httpx's interface under a new name, serve as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import groq
from groq import AsyncGroq, Groq, Timeout

if TYPE_CHECKING:
    from sdk.tests.conftest import Exchange, LoopbackServer

httpx2 = pytest.importorskip("httpx2")

Serve = Callable[[Callable[["Exchange"], None]], "LoopbackServer"]
Payload = Callable[..., dict[str, object]]

HELLO: Any = [{"role": "user", "content": "Say hello."}]


def answering(serve: Serve, completion: Payload, chunk: Payload) -> LoopbackServer:
    def handler(exchange: Exchange) -> None:
        if exchange.path.endswith("models"):
            exchange.respond({"error": {"message": "no"}}, status=404)
        elif exchange.json().get("stream"):
            exchange.start_stream()
            exchange.send_event(chunk("x"))
            if exchange.json()["model"] == "cut":
                exchange.cut()
                return
            exchange.send_event("[DONE]")
            exchange.end_stream()
        else:
            exchange.respond(completion())

    return serve(handler)


def test_a_synchronous_httpx2_client(serve: Serve, completion: Payload, chunk: Payload) -> None:
    """Calls, streams, error statuses and cut connections, over one kept connection."""
    server = answering(serve, completion, chunk)
    with Groq(api_key="k", base_url=server.url, http_client=httpx2.Client()) as client:
        create = client.chat.completions.create
        assert create(messages=HELLO, model="m").choices[0].message.content == "Hello."
        chunks = list(create(messages=HELLO, model="m", stream=True))
        assert [c.choices[0].delta.content for c in chunks] == ["x"]
        with pytest.raises(groq.NotFoundError):
            client.models.list()
        assert server.num_connections == 1
        with pytest.raises(groq.IncompleteStreamError):
            list(create(messages=HELLO, model="cut", stream=True))


async def test_an_asynchronous_httpx2_client(
    serve: Serve, completion: Payload, chunk: Payload
) -> None:
    """The same, awaiting."""
    server = answering(serve, completion, chunk)
    http_client = httpx2.AsyncClient()
    async with AsyncGroq(api_key="k", base_url=server.url, http_client=http_client) as client:
        create = client.chat.completions.create
        answer = await create(messages=HELLO, model="m")
        assert answer.choices[0].message.content == "Hello."
        chunks = [c async for c in await create(messages=HELLO, model="m", stream=True)]
        assert [c.choices[0].delta.content for c in chunks] == ["x"]
        with pytest.raises(groq.IncompleteStreamError):
            [c async for c in await create(messages=HELLO, model="cut", stream=True)]


def test_faults_and_timeouts_of_httpx2_are_translated(serve: Serve) -> None:
    """Its exceptions become ours, and its Timeout is understood."""
    policy = groq.RetryPolicy(base_s=0.001)
    with (
        Groq(
            api_key="k",
            base_url="http://127.0.0.1:9",
            http_client=httpx2.Client(),
            retry_policy=policy,
        ) as client,
        pytest.raises(groq.APIConnectionError) as caught,
    ):
        client.models.list()
    assert isinstance(caught.value.__cause__, httpx2.ConnectError)

    def silent(exchange: Exchange) -> None:
        exchange.wait_for_disconnect(2)
        exchange.cut()

    server = serve(silent)
    with Groq(
        api_key="k", base_url=server.url, http_client=httpx2.Client(), max_retries=0
    ) as client:
        for timeout in (httpx2.Timeout(0.1), Timeout(total=0.1)):
            with pytest.raises(groq.APITimeoutError):
                client.models.list(timeout=timeout)


def test_an_asynchronous_client_is_no_synchronous_one() -> None:
    """The colour is checked for httpx2 too."""
    with pytest.raises(TypeError, match="http_client"):
        Groq(api_key="k", http_client=httpx2.AsyncClient())
