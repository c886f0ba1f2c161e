"""The in-memory transport: what users build their own tests on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import groq
from groq.testing import Answer, FakeGroq, completion, error, json_answer, stream

HELLO: Any = [{"role": "user", "content": "Say hello."}]


def test_answers_come_in_order_and_requests_are_kept() -> None:
    """The whole client runs; only the bytes stay in memory."""
    fake = FakeGroq(completion("one"), completion("two"))
    client = fake.client()

    texts = [
        client.chat.completions.create(messages=HELLO, model="m").choices[0].message.content
        for _ in range(2)
    ]

    assert texts == ["one", "two"]
    assert fake.bodies[0] == {"messages": HELLO, "model": "m"}
    assert fake.requests[0].headers["authorization"] == "Bearer fake"
    assert repr(fake.transport) == "<FakeTransport 2 requests, 0 answers left>"


def test_a_stream_gives_its_text_back() -> None:
    """Word by word, with usage at the end."""
    client = FakeGroq(stream("Hello there, friend.")).client()

    chunks = list(client.chat.completions.create(messages=HELLO, model="m", stream=True))

    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello there, friend."
    assert chunks[-1].x_groq is not None
    assert chunks[-1].x_groq.usage is not None


async def test_the_asynchronous_client_uses_the_same_script() -> None:
    """One fake serves both colours."""
    fake = FakeGroq(completion("one"), stream(["a", "b"]))
    client = fake.async_client()

    answer = await client.chat.completions.create(messages=HELLO, model="m")
    chunks = await client.chat.completions.create(messages=HELLO, model="m", stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    assert (answer.choices[0].message.content, text) == ("one", "ab")


def test_errors_and_faults_can_be_scripted() -> None:
    """Statuses are retried as usual, without waiting; exceptions are the transport's."""
    fake = FakeGroq(error(429), httpx.ConnectError("down"), completion("at last"))
    answer = fake.client().chat.completions.create(messages=HELLO, model="m")
    assert answer.choices[0].message.content == "at last"

    refused = FakeGroq(error(400, code="tool_use_failed", failed_generation="{"))
    with pytest.raises(groq.BadRequestError) as caught:
        refused.client().chat.completions.create(messages=HELLO, model="m")
    assert (caught.value.code, caught.value.failed_generation) == ("tool_use_failed", "{")

    cut = FakeGroq(stream(["Hel"], fault=httpx.ReadError("cut")))
    with pytest.raises(groq.IncompleteStreamError) as broken:
        list(cut.client().chat.completions.create(messages=HELLO, model="m", stream=True))
    assert broken.value.partial_text == "Hel"


def test_tool_calls_and_functions_of_the_request() -> None:
    """An answer may depend on what was asked."""

    def answer(request: httpx.Request) -> Answer:
        return completion(tool_calls=[{"name": "f", "arguments": {"path": request.url.path}}])

    client = FakeGroq(answer, repeat=True).client()
    for _ in range(2):
        call = client.chat.completions.create(messages=HELLO, model="m").choices[0]
        assert call.finish_reason == "tool_calls"
        assert call.message.tool_calls is not None
        assert "chat/completions" in call.message.tool_calls[0].function.arguments


def test_an_unscripted_request_fails_loudly() -> None:
    """A test learns of a request that it did not expect."""
    fake = FakeGroq(json_answer({"object": "list", "data": []}))
    client = fake.client()
    assert client.models.list().data == []
    with pytest.raises(AssertionError, match="nobody scripted"):
        client.models.list()
