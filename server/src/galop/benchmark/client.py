"""The HTTP client of the benchmarks and of `reliability/`, for any server with this API.

While answers come it stores what it reads with the time of each read; it decodes afterwards, because
it shares the cores with the server.

Definitions (as AIPerf's and vLLM's): the time to first token is from sending the request to the
first chunk with *non-empty* content; tokens are counted from `usage` and never from chunks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import msgspec

from galop.benchmark.statistics import percentile
from galop.benchmark.transport import BenchmarkTransport

REQUEST_TIMEOUT_S = 300.0

Body = Mapping[str, Any]  # Any: JSON


class BenchError(Exception):
    """Base of what measuring raises.

    BenchError
    ├── ServerUnreachableError   nobody listens, or the connection broke
    └── AnswerError              an answer, but not the stream that was asked for
    """


class ServerUnreachableError(BenchError):
    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} does not answer: {reason}")
        self.url = url
        self.reason = reason


class AnswerError(BenchError):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"status {status}: {detail}")
        self.status = status
        self.detail = detail


@dataclass(slots=True)
class Exchange:
    """One request, and what came back. Times are `time.perf_counter` seconds."""

    sent_s: float
    status: int = 0
    """0: no head of an answer came."""
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: list[tuple[float, bytes]] = field(default_factory=list)
    """The body: what each read of the socket gave, and when."""
    ended_s: float = 0.0
    broken: str | None = None
    """How the connection failed, where it did."""

    @property
    def content(self) -> bytes:
        """The whole body."""
        return b"".join(part for _, part in self.parts)

    def json(self) -> Any:
        """The body as a JSON document. Raises msgspec.DecodeError."""
        return msgspec.json.decode(self.content)

    def events(self) -> Iterator[tuple[float, bytes]]:
        """Server-sent events: the data of each, and when its end came."""
        pending = b""
        for time_s, part in self.parts:
            *lines, pending = (pending + part).split(b"\n")
            for line in lines:
                if line.startswith(b"data: "):
                    yield time_s, line[6:].rstrip(b"\r")


class Client:
    """Sends requests to one server. `base_url` is the address that the paths hang under."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        keeps_connections: bool = False,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        """By default every request has a connection of its own."""
        headers = {"accept-encoding": "identity", "content-type": "application/json"}
        headers["connection"] = "keep-alive" if keeps_connections else "close"
        if api_key:
            headers["authorization"] = f"Bearer {api_key}"
        self.base_url = base_url
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=headers, transport=BenchmarkTransport(), trust_env=False
        )

    def post(self, path: str, body: Body | bytes) -> httpx.Request:
        """A request for `send`; bytes are sent as they are."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self._http.build_request("POST", path, content=content)

    def get(self, path: str) -> httpx.Request:
        """A request for `send`."""
        return self._http.build_request("GET", path)

    async def send(
        self, request: httpx.Request, on_part: Callable[[Exchange], None] | None = None
    ) -> Exchange:
        """Send it and read the answer to its end. A broken connection is a result, not an exception.

        `on_part` is called after every read.
        """
        exchange = Exchange(time.perf_counter())
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.send(request, stream=True)
                try:
                    exchange.status, exchange.headers = response.status_code, response.headers
                    async for part in response.aiter_raw():
                        exchange.parts.append((time.perf_counter(), part))
                        if on_part:
                            on_part(exchange)
                finally:
                    await response.aclose()
        except TimeoutError:
            exchange.broken = f"no end within {self._timeout_s:g} s"
        except httpx.TransportError as error:
            exchange.broken = str(error) or repr(error)
        exchange.ended_s = time.perf_counter()
        return exchange

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections that were kept; needed for nothing else."""
        await self._http.aclose()


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Chunk(msgspec.Struct):
    """What we read of a chunk; other fields, known or not, are skipped."""

    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


@dataclass(frozen=True, slots=True)
class Completion:
    """One finished stream. Times are `time.perf_counter` seconds."""

    sent_s: float
    content_times_s: tuple[float, ...]
    """When each chunk with non-empty content came; empty if there was none."""
    ended_s: float
    prompt_tokens: int
    completion_tokens: int
    text: str

    @property
    def first_token_s(self) -> float:
        """Seconds from sending to the first content; of an empty answer, to its end."""
        first = self.content_times_s[0] if self.content_times_s else self.ended_s
        return first - self.sent_s


def read_completion(exchange: Exchange) -> Completion:
    """The streamed completion of an exchange with status 200. Raises `AnswerError`."""
    times_s, texts, usage = [], [], _Usage()
    for time_s, event in exchange.events():
        if event == b"[DONE]":
            continue
        try:
            chunk = _decode_chunk(event)
        except msgspec.DecodeError as error:
            raise AnswerError(200, f"a chunk that cannot be read: {error}") from error
        if bytes(chunk.error) != b"null":
            raise AnswerError(200, bytes(chunk.error).decode(errors="replace"))
        text = chunk.choices[0].delta.content if chunk.choices else None
        if text:
            times_s.append(time_s)
            texts.append(text)
        usage = chunk.usage or usage
    return Completion(
        sent_s=exchange.sent_s,
        content_times_s=tuple(times_s),
        ended_s=exchange.ended_s,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        text="".join(texts),
    )


@dataclass(frozen=True, slots=True)
class Block:
    """Streams that ran side by side."""

    completions: tuple[Completion, ...]

    @property
    def wall_s(self) -> float:
        return max(c.ended_s for c in self.completions) - min(c.sent_s for c in self.completions)

    @property
    def completion_tokens(self) -> int:
        return sum(each.completion_tokens for each in self.completions)

    @property
    def tokens_per_s(self) -> float:
        """Output tokens of all streams over the wall time of the block."""
        return self.completion_tokens / self.wall_s

    @property
    def characters_per_s(self) -> float:
        return sum(len(each.text) for each in self.completions) / self.wall_s

    def first_token_s(self, share: float = 0.5) -> float:
        """The time to first token that this share of the streams did not exceed."""
        return percentile([each.first_token_s for each in self.completions], share)


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


class Target:
    """A server to measure. `base_url` is the address that `/v1/...` hangs under.

    Every method raises `ServerUnreachableError` or `AnswerError`.
    """

    def __init__(self, base_url: str, *, api_key: str | None = None, model: str = "") -> None:
        self.base_url = base_url
        self.model = model
        self._client = Client(base_url, api_key=api_key)

    async def choose_model(self) -> None:
        """Take the first model that the server lists, unless one was named."""
        if self.model:
            return
        content = (await self._send(self._client.get("/v1/models"))).content
        try:
            self.model = msgspec.json.decode(content, type=_Models).data[0].id
        except (msgspec.DecodeError, IndexError) as error:
            raise AnswerError(200, "/v1/models is not a list of models") from error

    async def run(self, bodies: Sequence[Body]) -> Block:
        """Send all requests at once and wait for all streams."""
        exchanges = await asyncio.gather(*map(self._stream, bodies))
        return Block(tuple(map(read_completion, exchanges)))

    async def complete(self, body: Body) -> Completion:
        """Stream one chat completion; `model` and `stream` are filled in."""
        return read_completion(await self._stream(body))

    async def _stream(self, body: Body) -> Exchange:
        filled_in = {"model": self.model, "stream": True, "stream_options": {"include_usage": True}}
        return await self._send(self._client.post("/v1/chat/completions", {**filled_in, **body}))

    async def _send(self, request: httpx.Request) -> Exchange:
        exchange = await self._client.send(request)
        if exchange.broken is not None:
            raise ServerUnreachableError(self.base_url, exchange.broken)
        if exchange.status != 200:
            raise AnswerError(exchange.status, exchange.content[:500].decode(errors="replace"))
        return exchange
