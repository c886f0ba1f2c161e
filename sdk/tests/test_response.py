"""Raw and streamed responses, binary answers, uploads: all seventeen operations reach the wire."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import groq
from groq import AsyncGroq, Groq, Stream
from groq._response import APIResponse, AsyncAPIResponse, StreamAlreadyConsumed
from groq.types import Model
from groq.types.chat import ChatCompletion, ChatCompletionChunk

if TYPE_CHECKING:
    from sdk.tests.conftest import Exchange, LoopbackServer

Serve = Callable[[Callable[["Exchange"], None]], "LoopbackServer"]
Payload = Callable[..., dict[str, object]]

HELLO: Any = [{"role": "user", "content": "Say hello."}]


def test_a_raw_response_has_headers_and_parses_once(serve: Serve, completion: Payload) -> None:
    """Status, headers, request id and retries beside the parsed answer."""
    server = serve(
        lambda exchange: exchange.respond(completion(), headers={"x-request-id": "req_1"})
    )
    with Groq(api_key="k", base_url=server.url) as client:
        raw = client.chat.completions.with_raw_response.create(messages=HELLO, model="m")

    assert isinstance(raw, APIResponse)
    assert (raw.status_code, raw.method, raw.retries_taken) == (200, "POST", 0)
    assert (raw.request_id, raw.headers["x-request-id"]) == ("req_1", "req_1")
    assert raw.http_version == "HTTP/1.1"
    assert raw.elapsed.total_seconds() >= 0
    assert raw.is_closed
    assert raw.url.path == "/openai/v1/chat/completions"
    answer = raw.parse()
    assert answer.choices[0].message.content == "Hello."
    assert raw.parse() is answer
    assert raw.json() == completion()
    assert raw.parse(to=Model).id == "chatcmpl-1"
    assert server.exchanges[0].headers["x-stainless-raw-response"] == "raw"


async def test_an_async_raw_response_is_awaited(serve: Serve, completion: Payload) -> None:
    """`parse`, `text` and `json` are coroutines there."""
    server = serve(lambda exchange: exchange.respond(completion()))
    async with AsyncGroq(api_key="k", base_url=server.url) as client:
        raw = await client.chat.completions.with_raw_response.create(messages=HELLO, model="m")
        assert isinstance(raw, AsyncAPIResponse)
        assert (await raw.parse()).id == "chatcmpl-1"
        assert await raw.json() == completion()


def test_a_raw_stream_parses_into_a_stream(serve: Serve, chunk: Payload) -> None:
    """Headers first, then the chunks."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream({"x-request-id": "req_1"})
        exchange.send_event(chunk("x", "stop"))
        exchange.send_event("[DONE]")
        exchange.end_stream()

    server = serve(handler)
    with Groq(api_key="k", base_url=server.url) as client:
        raw = client.chat.completions.with_raw_response.create(
            messages=HELLO, model="m", stream=True
        )
        assert raw.request_id == "req_1"
        stream: Any = raw.parse()  # the wrapper cannot see that `stream` is set
        assert [c.choices[0].delta.content for c in stream] == ["x"]
        again = client.chat.completions.with_raw_response.create(
            messages=HELLO, model="m", stream=True
        ).parse(to=Stream[ChatCompletionChunk])
        assert isinstance(next(again), ChatCompletionChunk)
        again.close()


def test_a_streamed_response_is_read_by_the_caller(serve: Serve, completion: Payload) -> None:
    """The body is open inside the `with` block, and closed after it."""
    server = serve(lambda exchange: exchange.respond(completion()))
    with Groq(api_key="k", base_url=server.url) as client:
        with client.chat.completions.with_streaming_response.create(
            messages=HELLO, model="m"
        ) as response:
            was_open = not response.is_closed
            assert b"".join(response.iter_bytes()).startswith(b'{"id"')
            with pytest.raises(StreamAlreadyConsumed):
                response.read()
        assert (was_open, response.is_closed) == (True, True)
        with client.with_streaming_response.models.list() as response_2:
            assert list(response_2.iter_lines())


async def test_a_streamed_response_asynchronously(serve: Serve, completion: Payload) -> None:
    """`async with`, and `parse` reads what is needed."""
    server = serve(lambda exchange: exchange.respond(completion()))
    async with AsyncGroq(api_key="k", base_url=server.url) as client:
        async with client.chat.completions.with_streaming_response.create(
            messages=HELLO, model="m"
        ) as response:
            assert isinstance(await response.parse(), ChatCompletion)
        assert response.is_closed


def test_error_statuses_are_raised_through_wrappers(serve: Serve) -> None:
    """A wrapper changes what is returned, not what is raised."""
    server = serve(lambda exchange: exchange.respond({"error": {"message": "no"}}, status=404))
    with Groq(api_key="k", base_url=server.url) as client:
        with pytest.raises(groq.NotFoundError):
            client.with_raw_response.models.retrieve("m")
        with (
            pytest.raises(groq.NotFoundError),
            client.with_streaming_response.models.retrieve("m"),
        ):
            pass


def test_uploads_of_every_kind_are_multipart(serve: Serve, tmp_path: Path) -> None:
    """Bytes, open files, paths and tuples; lists are repeated with brackets."""
    path = tmp_path / "batch.jsonl"
    path.write_bytes(b"{}")
    server = serve(lambda exchange: exchange.respond({"id": "file_1", "bytes": 2}))
    with Groq(api_key="k", base_url=server.url) as client:
        for file in (b"{}", io.BytesIO(b"{}"), path, ("a.jsonl", b"{}"), ("a.jsonl", path)):
            assert client.files.create(file=file, purpose="batch").id == "file_1"
        client.audio.transcriptions.create(
            model="w", url="http://h/a.wav", timestamp_granularities=["word", "segment"]
        )
        with pytest.raises(TypeError, match="bytes, an open file"):
            client.files.create(file="a string", purpose="batch")  # type: ignore[arg-type]

    *uploads, by_url = server.exchanges
    for exchange in uploads:
        assert exchange.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert b'name="purpose"\r\n\r\nbatch' in exchange.body
        assert b"\r\n\r\n{}\r\n" in exchange.body
    assert b'filename="batch.jsonl"' in uploads[2].body
    assert by_url.headers["content-type"].startswith("multipart/form-data")
    assert by_url.body.count(b'name="timestamp_granularities[]"') == 2


class Pipe:
    """A file that can be read once."""

    def __init__(self) -> None:
        self._left = b"{}"

    def read(self, size: int = -1) -> bytes:
        left, self._left = self._left, b""
        return left


def test_an_upload_that_cannot_be_sent_twice_is_not_retried(serve: Serve) -> None:
    """An empty second attempt would be worse than the error."""
    server = serve(
        lambda exchange: exchange.respond({}, status=503, headers={"retry-after-ms": "1"})
    )
    with Groq(api_key="k", base_url=server.url) as client:
        with pytest.raises(groq.ServiceUnavailableError):
            client.files.create(file=Pipe(), purpose="batch")  # type: ignore[arg-type]
        assert len(server.exchanges) == 1
        with pytest.raises(groq.ServiceUnavailableError):
            client.files.create(file=b"{}", purpose="batch")
        assert len(server.exchanges) == 4


def test_binary_answers_are_read_and_written(serve: Serve, tmp_path: Path) -> None:
    """Sound and file contents come as bytes, or straight into a file."""
    server = serve(lambda exchange: exchange.respond(b"RIFF"))
    with Groq(api_key="k", base_url=server.url) as client:
        sound = client.audio.speech.create(input="a", model="m", voice="v")
        assert sound.read() == b"RIFF"
        sound.write_to_file(tmp_path / "a.wav")
        content = client.files.content("file_1")
        assert content.read() == b"RIFF"
        with client.files.with_streaming_response.content("file_1") as streamed:
            streamed.stream_to_file(tmp_path / "b.wav")

    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes() == b"RIFF"
    assert server.exchanges[0].headers["accept"] == "audio/wav"
    assert server.exchanges[1].headers["accept"] == "application/octet-stream"


async def test_binary_answers_asynchronously(serve: Serve, tmp_path: Path) -> None:
    """The same, awaiting."""
    server = serve(lambda exchange: exchange.respond(b"RIFF"))
    async with AsyncGroq(api_key="k", base_url=server.url) as client:
        sound = await client.audio.speech.create(input="a", model="m", voice="v")
        await sound.write_to_file(tmp_path / "a.wav")
        async with client.files.with_streaming_response.content("f") as streamed:
            await streamed.stream_to_file(tmp_path / "b.wav")

    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes() == b"RIFF"


def test_a_transcription_may_be_plain_text(serve: Serve) -> None:
    """With `response_format="text"` there is no JSON to read."""
    server = serve(lambda exchange: exchange.respond("hello there"))
    with Groq(api_key="k", base_url=server.url) as client:
        text: object = client.audio.transcriptions.create(
            model="w", file=b"x", response_format="text"
        )

    assert text == "hello there"


BATCH = {
    "id": "batch_1",
    "object": "batch",
    "completion_window": "24h",
    "created_at": 1,
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file_1",
    "status": "validating",
    "request_counts": {"total": 1, "completed": 0, "failed": 0},
}


def test_the_other_operations_reach_their_routes(serve: Serve) -> None:
    """Batches, files and embeddings: method and path of each."""

    def handler(exchange: Exchange) -> None:
        if "batches" in exchange.path:
            is_list = exchange.method == "GET" and exchange.path.endswith("batches")
            exchange.respond({"object": "list", "data": [BATCH]} if is_list else BATCH)
        elif "embeddings" in exchange.path:
            item = {"object": "embedding", "index": 0, "embedding": [0.5]}
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            exchange.respond({"object": "list", "data": [item], "model": "m", "usage": usage})
        else:
            exchange.respond({"object": "list", "data": [], "id": "file_1", "deleted": True})

    server = serve(handler)
    with Groq(api_key="k", base_url=server.url) as client:
        created = client.batches.create(
            completion_window="24h", endpoint="/v1/chat/completions", input_file_id="file_1"
        )
        assert created.request_counts is not None
        assert created.request_counts.total == 1
        assert client.batches.retrieve("batch_1").status == "validating"
        assert client.batches.list().data[0].id == "batch_1"
        assert client.batches.cancel("batch_1").id == "batch_1"
        assert client.embeddings.create(input=["a"], model="m").data[0].embedding == [0.5]
        assert client.files.list().data == []
        assert client.files.info("file_1").id == "file_1"
        assert client.files.delete("file_1").deleted

    assert [(e.method, e.path.removeprefix("/openai/v1")) for e in server.exchanges] == [
        ("POST", "/batches"),
        ("GET", "/batches/batch_1"),
        ("GET", "/batches"),
        ("POST", "/batches/batch_1/cancel"),
        ("POST", "/embeddings"),
        ("GET", "/files"),
        ("GET", "/files/file_1"),
        ("DELETE", "/files/file_1"),
    ]
