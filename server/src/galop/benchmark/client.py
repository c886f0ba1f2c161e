"""An HTTP client that times streams and costs little itself, for any server with this API.

It shares the machine with what it measures, so it reads sockets and not abstractions: a general
client spends more on a chunk than our server does. It knows as much of HTTP/1.1 as servers of
server-sent events use: chunked bodies, and bodies that end with the connection (RFC 9112).

Definitions (as AIPerf's and vLLM's): the time to first token is from sending the request to the
first chunk with *non-empty* content; tokens are counted from `usage` and never from chunks.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from galop.benchmark.statistics import percentile

REQUEST_TIMEOUT_S = 300.0


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


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


@dataclass(frozen=True, slots=True)
class Answer:
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


@dataclass(frozen=True, slots=True)
class Block:
    """Streams that ran side by side."""

    answers: tuple[Answer, ...]

    @property
    def wall_s(self) -> float:
        return max(a.ended_s for a in self.answers) - min(a.sent_s for a in self.answers)

    @property
    def completion_tokens(self) -> int:
        return sum(answer.completion_tokens for answer in self.answers)

    @property
    def tokens_per_s(self) -> float:
        """Output tokens of all streams over the wall time of the block."""
        return self.completion_tokens / self.wall_s

    @property
    def characters_per_s(self) -> float:
        return sum(len(answer.text) for answer in self.answers) / self.wall_s

    def first_token_s(self, share: float = 0.5) -> float:
        """The time to first token that this share of the streams did not exceed."""
        return percentile([answer.first_token_s for answer in self.answers], share)


class Target:
    """A server to measure. `base_url` is the address that `/v1/...` hangs under.

    Every method raises `ServerUnreachableError` or `AnswerError`.
    """

    def __init__(self, base_url: str, *, api_key: str | None = None, model: str = "") -> None:
        parts = urlsplit(base_url)
        self.base_url = base_url
        self.model = model
        self._host = parts.hostname or ""
        self._ssl = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._ssl else 80)
        self._path = parts.path.rstrip("/")
        self._headers = {"host": parts.netloc, "connection": "close"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"

    async def choose_model(self) -> None:
        """Take the first model that the server lists, unless one was named."""
        if not self.model:
            parts = [part async for part in self._exchange("GET", "/v1/models", b"")]
            try:
                self.model = msgspec.json.decode(b"".join(parts), type=_Models).data[0].id
            except (msgspec.DecodeError, IndexError) as error:
                raise AnswerError(200, "/v1/models is not a list of models") from error

    async def run(self, bodies: Sequence[Mapping[str, object]]) -> Block:
        """Send all requests at once and wait for all streams."""
        answers = await asyncio.gather(*(self.complete(body) for body in bodies))
        return Block(tuple(answers))

    async def complete(self, body: Mapping[str, object]) -> Answer:
        """Stream one chat completion; `model` and `stream` are filled in."""
        whole = {
            "model": self.model,
            "stream": True,
            "stream_options": {"include_usage": True},
            **body,
        }
        sent_s = time.perf_counter()
        times_s: list[float] = []
        texts: list[str] = []
        usage = _Usage()
        async for chunk in self._chunks(msgspec.json.encode(whole)):
            text = chunk.choices[0].delta.content if chunk.choices else None
            if text:
                times_s.append(time.perf_counter())
                texts.append(text)
            usage = chunk.usage or usage
        return Answer(
            sent_s=sent_s,
            content_times_s=tuple(times_s),
            ended_s=time.perf_counter(),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            text="".join(texts),
        )

    async def _chunks(self, body: bytes) -> AsyncIterator[_Chunk]:
        pending = b""
        async for part in self._exchange("POST", "/v1/chat/completions", body):
            *lines, pending = (pending + part).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    try:
                        chunk = _decode_chunk(line[6:])
                    except msgspec.DecodeError as error:
                        raise AnswerError(200, f"a chunk that cannot be read: {error}") from error
                    if bytes(chunk.error) != b"null":
                        raise AnswerError(200, bytes(chunk.error).decode(errors="replace"))
                    yield chunk

    async def _exchange(self, method: str, path: str, body: bytes) -> AsyncIterator[bytes]:
        """The parts of the answer's body as they arrive."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._ssl
                )
                try:
                    writer.write(self._head(method, path, len(body)) + body)
                    status, headers = await _read_head(reader)
                    parts = _body_parts(reader, headers)
                    if status != 200:
                        detail = b"".join([part async for part in parts])
                        raise AnswerError(status, detail[:500].decode(errors="replace"))
                    async for part in parts:
                        yield part
                finally:
                    writer.close()
                    with suppress(OSError):
                        await writer.wait_closed()
        except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
            raise ServerUnreachableError(self.base_url, str(error) or repr(error)) from error

    def _head(self, method: str, path: str, num_bytes: int) -> bytes:
        headers = self._headers | {
            "content-type": "application/json",
            "content-length": str(num_bytes),
        }
        lines = [f"{method} {self._path}{path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    pairs = (line.partition(":") for line in head[1:] if line)
    return status, {name.lower(): value.strip() for name, _, value in pairs}


async def _body_parts(
    reader: asyncio.StreamReader, headers: Mapping[str, str]
) -> AsyncIterator[bytes]:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readuntil(b"\n")).partition(b";")[0], 16):
            yield (await reader.readexactly(size + 2))[:-2]
    elif "content-length" in headers:
        yield await reader.readexactly(int(headers["content-length"]))
    else:
        while part := await reader.read(1 << 16):
            yield part
