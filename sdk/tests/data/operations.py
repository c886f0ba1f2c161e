"""All seventeen operations, as a program written for the published client calls them.

Run by `record_published.py` against the published client, and by `test_published.py` against
ours: knows the public interface only. Times and random values are left out of what is compared.
"""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx

import groq

OF_THE_MACHINE = {
    "accept-encoding",
    "idempotency-key",
    "user-agent",
    "x-stainless-arch",
    "x-stainless-os",
    "x-stainless-package-version",
    "x-stainless-runtime-version",
}
ANSWER = {"id": "x", "object": "list", "data": [], "text": "t", "choices": [], "brand_new": 1}
HELLO: Any = [{"role": "user", "content": "Hello."}]


def operations(client: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """A name and a call, for each operation and each way to give a file."""
    chat, audio = client.chat.completions, client.audio
    files, batches, models = client.files, client.batches, client.models
    yield "chat", lambda: chat.create(messages=HELLO, model="m", stop=None, timeout=3)
    yield (
        "chat with extras",
        lambda: chat.create(
            messages=HELLO,
            model="m",
            temperature=0,
            extra_body={"temperature": 1, "x": [1]},
            extra_query={"q": [1, 2], "d": {"a": True, "b": None}},
            extra_headers={"X-Own": "b", "X-Default": groq.Omit()},
        ),
    )
    yield "models", lambda: models.list()
    yield "model", lambda: models.retrieve("openai/gpt oss")
    yield "model deleted", lambda: models.delete("m")
    yield "embeddings", lambda: client.embeddings.create(input=["a", "\u00e9"], model="m", user="u")
    yield (
        "speech",
        lambda: audio.speech.create(
            input="Hello.", model="m", voice="v", response_format="wav", speed=1.5
        ),
    )
    yield (
        "transcription",
        lambda: audio.transcriptions.create(
            file=("a.mp3", b"abc"),
            model="m",
            language="en",
            temperature=0.2,
            timestamp_granularities=["word", "segment"],
            response_format="verbose_json",
        ),
    )
    yield "transcription of bytes", lambda: audio.transcriptions.create(file=b"abc", model="m")
    yield (
        "transcription of a file",
        lambda: audio.transcriptions.create(
            file=io.BytesIO(b"abc"), model="m", response_format="text"
        ),
    )
    yield (
        "transcription of a URL",
        lambda: audio.transcriptions.create(url="http://h/a.mp3", model="m"),
    )
    yield (
        "translation",
        lambda: audio.translations.create(file=("a.mp3", b"abc", "audio/mpeg"), model="m"),
    )
    yield "file", lambda: files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
    yield "files", lambda: files.list()
    yield "file info", lambda: files.info("file/1")
    yield "file content", lambda: files.content("file_1")
    yield "file deleted", lambda: files.delete("file_1")
    yield (
        "batch",
        lambda: batches.create(
            completion_window="24h",
            endpoint="/v1/chat/completions",
            input_file_id="file_1",
            metadata={"a": "b"},
        ),
    )
    yield "batches", lambda: batches.list()
    yield "batch info", lambda: batches.retrieve("batch_1")
    yield "batch cancelled", lambda: batches.cancel("batch_1")
    yield "any path", lambda: client.get("/v2/any", cast_to=object, options={"params": {"a": 1}})
    yield "any query", lambda: client.post("/v2/any?x=1&z=0", cast_to=object, body={"a": [1]})


def _without_boundary(content_type: str, body: bytes) -> tuple[str, bytes]:
    boundary = re.search("boundary=(.*)", content_type)
    if boundary is None:
        return content_type, body
    return content_type.replace(boundary[1], "B"), body.replace(boundary[1].encode(), b"B")


class Recorder:
    """Answers every request over httpx's mock transport, and keeps what can be compared."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {k: v for k, v in request.headers.items() if k not in OF_THE_MACHINE}
        content_type, body = _without_boundary(headers.get("content-type", ""), request.content)
        if "boundary=" in content_type:
            headers["content-type"] = content_type
            del headers["content-length"]
        self.requests.append(
            {
                "method": request.method,
                "url": str(request.url),
                "headers": dict(sorted(headers.items())),
                "body": body.decode(),
            }
        )
        if request.url.path.endswith(("/speech", "/content")):
            return httpx.Response(200, content=b"RIFF", headers={"content-type": "audio/wav"})
        if b'name="response_format"\r\n\r\ntext' in body:
            return httpx.Response(200, text="Hello.")
        return httpx.Response(200, json=ANSWER)

    async def async_answer(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.answer(request)


OPTIONS: dict[str, Any] = {
    "api_key": "k",
    "base_url": "http://h/base/",
    "default_headers": {"X-Default": "1"},
    "default_query": {"z": "1"},
}


def shape(result: Any) -> Any:
    """What a caller got: the class and the fields, the text, or the bytes."""
    if hasattr(result, "to_dict"):
        return [type(result).__name__, result.to_dict()]
    if hasattr(result, "read"):
        return [type(result).__name__.removeprefix("Async"), result.http_response.content.decode()]
    return result


def run() -> list[dict[str, Any]]:
    """Name, request and result of each operation of the synchronous client."""
    recorder = Recorder()
    http = httpx.Client(transport=httpx.MockTransport(recorder.answer))
    with groq.Groq(http_client=http, **OPTIONS) as client:
        results = [(name, shape(call())) for name, call in operations(client)]
    return _together(results, recorder)


async def run_async() -> list[dict[str, Any]]:
    """The same of the asynchronous client."""
    recorder = Recorder()
    http = httpx.AsyncClient(transport=httpx.MockTransport(recorder.async_answer))
    async with groq.AsyncGroq(http_client=http, **OPTIONS) as client:
        results = [(name, shape(await call())) for name, call in operations(client)]
    return _together(results, recorder)


def _together(results: list[tuple[str, Any]], recorder: Recorder) -> list[dict[str, Any]]:
    return [
        {"name": name, "request": request, "result": result}
        for (name, result), request in zip(results, recorder.requests, strict=True)
    ]
