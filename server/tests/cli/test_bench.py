"""`galop bench` against a server of the standard library."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server.tests.cli.conftest import Galop

CHUNKS = (
    {"choices": [{"delta": {"content": "Hello"}}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
)


class Handler(BaseHTTPRequestHandler):
    """One model; every completion is four tokens."""

    received: list[dict[str, object]]
    authorizations: list[str | None]

    def do_GET(self) -> None:
        self._answer("application/json", json.dumps({"data": [{"id": "first"}]}).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append(json.loads(body))
        self.authorizations.append(self.headers["authorization"])
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS] + ["data: [DONE]\n\n"]
        self._answer("text/event-stream", "".join(events).encode())

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def server_url() -> Iterator[str]:
    """The server's address; `Handler` keeps what it received."""
    Handler.received, Handler.authorizations = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_row_per_number_of_clients(galop: Galop, server_url: str) -> None:
    """Two blocks are measured after one that warms up."""
    options = ("--clients", "1", "--clients", "3", "--pairs", "2", "--tokens", "5")
    result = galop("bench", server_url + "/v1", *options, env={"GROQ_API_KEY": "secret"})
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].endswith("2 blocks of 5 tokens a stream")
    assert lines[1] == f"  {server_url} model first"
    assert re.match(r"   1 clients \| +\d+\.\d tok/s, first token +\d+\.\d{3} s", lines[2])
    assert lines[3].startswith("   3 clients | ")
    assert len(Handler.received) == 3 * (1 + 3)
    assert {body["max_tokens"] for body in Handler.received} == {5}
    assert set(Handler.authorizations) == {"Bearer secret"}


def test_two_servers_are_compared(galop: Galop, server_url: str) -> None:
    """The row ends with the ratio and its interval."""
    arguments = ("--clients", "1", "--pairs", "2", "--model", "named")
    result = galop("bench", server_url, server_url, *arguments)
    assert result.exit_code == 0, result.stderr
    assert re.search(r"\| B/A \d+\.\d\d \[\d+\.\d\d, \d+\.\d\d\]$", result.stdout.rstrip())
    assert {body["model"] for body in Handler.received} == {"named"}


def test_a_server_that_is_not_there_is_exit_code_1(galop: Galop) -> None:
    """One line with its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    result = galop("bench", url)
    assert result.exit_code == 1
    assert result.stderr.startswith("galop: ")
    assert url in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'URL [URL]'."),
        (["127.0.0.1"], "'127.0.0.1' is not an http(s) address"),
        (["http://a", "http://b", "http://c"], "give one server, or two to compare them"),
        (["http://a", "--clients", "0"], "0 is not in the range 1<=x<=1024."),
        (["http://a", "--temperature", "3"], "3.0 is not in the range 0<=x<=2."),
    ],
)
def test_wrong_usage_is_exit_code_2(galop: Galop, arguments: list[str], message: str) -> None:
    """Before anything is sent."""
    result = galop("bench", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
