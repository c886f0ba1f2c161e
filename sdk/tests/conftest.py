"""A loopback server whose every answer a test writes by hand, and a clean environment.

The server speaks just enough HTTP/1.1 for a test to say exactly which bytes arrive when, to hang,
to cut the line, and to tell when the client has gone. It runs in threads, so that blocking and
asynchronous clients are tested against the same thing.
"""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class Exchange:
    """One request, and the means to answer it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: socket.socket
    connection_number: int
    must_close: bool = False

    def json(self) -> Any:  # whatever the client sent
        return json.loads(self.body)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def respond(
        self, payload: object, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        """A complete answer: JSON, or text if `payload` is a str, or bytes as they are."""
        if isinstance(payload, bytes):
            body, kind = payload, "application/octet-stream"
        elif isinstance(payload, str):
            body, kind = payload.encode(), "text/plain"
        else:
            body, kind = json.dumps(payload).encode(), "application/json"
        all_headers = {"content-type": kind, "content-length": str(len(body)), **(headers or {})}
        head = f"HTTP/1.1 {status} Scripted\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in all_headers.items()
        )
        self.send(head.encode() + b"\r\n" + body)

    def start_stream(self, headers: dict[str, str] | None = None) -> None:
        head = (
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self.send(head.encode() + b"\r\n")

    def send_piece(self, piece: bytes) -> None:
        """One HTTP chunk of the stream."""
        self.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    def send_event(self, payload: object) -> None:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.send_piece(b"data: " + text.encode() + b"\n\n")

    def end_stream(self) -> None:
        self.send(b"0\r\n\r\n")

    def cut(self) -> None:
        """Drop the connection in the middle of whatever was being sent."""
        self.must_close = True

    def wait_for_disconnect(self, timeout_s: float) -> float | None:
        """Seconds until the client closed the connection, or None if it did not in time."""
        started = time.monotonic()
        readable, _, _ = select.select([self.connection], [], [], timeout_s)
        if not readable:
            return None
        try:
            gone = self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            gone = True
        return time.monotonic() - started if gone else None


Handler = Callable[[Exchange], None]


@dataclass
class LoopbackServer:
    """Answers every request with `handler`, and remembers the requests."""

    handler: Handler
    exchanges: list[Exchange] = field(default_factory=list)
    num_connections: int = 0
    disconnects_s: list[float | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.close()
        for connection in self._sockets:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.num_connections += 1
            self._sockets.append(connection)
            threading.Thread(
                target=self._serve, args=(connection, self.num_connections), daemon=True
            ).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        reader = connection.makefile("rb")
        try:
            while line := reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers: dict[str, str] = {}
                while (header := reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = reader.read(int(headers.get("content-length", 0)))
                if headers.get("transfer-encoding") == "chunked":
                    while size := int(reader.readline(), 16):
                        body += reader.read(size + 2)[:-2]
                    reader.readline()
                exchange = Exchange(method, path, headers, body, connection, number)
                self.exchanges.append(exchange)
                self.handler(exchange)
                if exchange.must_close:
                    break
        except OSError:
            return
        finally:
            reader.close()
            connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], LoopbackServer]]:
    """Start a loopback server that answers with the given handler."""
    servers: list[LoopbackServer] = []

    def start(handler: Handler) -> LoopbackServer:
        servers.append(LoopbackServer(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the key, the URL or the proxies of the machine it runs on."""
    for name in (
        "GROQ_API_KEY",
        "GROQ_BASE_URL",
        "GROQ_CUSTOM_HEADERS",
        "GROQ_LOG",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


def completion(content: str = "Hello.", **fields: object) -> dict[str, object]:
    """A complete answer in the shape of the API reference, section 2."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "llama3-8b-8192",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "queue_time": 0.1},
        "system_fingerprint": "fp_1",
        "x_groq": {"id": "req_1"},
        **fields,
    }


def chunk(content: str | None = None, finish_reason: str | None = None) -> dict[str, object]:
    """One event of a stream in the shape of the API reference, section 3."""
    delta = {} if content is None else {"content": content}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "llama3-8b-8192",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
    }


@pytest.fixture(name="completion")
def completion_fixture() -> Callable[..., dict[str, object]]:
    return completion


@pytest.fixture(name="chunk")
def chunk_fixture() -> Callable[..., dict[str, object]]:
    return chunk
