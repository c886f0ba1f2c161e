"""One `galop serve` with the embedded model, started as a user would, for all of e2e."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]
START_TIMEOUT_S = 60

# Nor do tests see the keys of this machine's users, or add to their usage.
_STATE = tempfile.TemporaryDirectory(prefix="galop-e2e-")
os.environ["GALOP_STATE_DIR"] = _STATE.name


@dataclass(frozen=True)
class Server:
    """A running server."""

    base_url: str
    process: subprocess.Popen[bytes]
    log: Path
    """What the server prints. A file: a pipe that nobody reads would stop the server."""

    def printed(self) -> str:
        """Wait until the server has printed its start-up text, and return it."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            text = self.log.read_text()
            if "Ctrl-C" in text:
                return text
            time.sleep(0.05)
        pytest.fail(f"galop serve did not say that it is ready: {self.log.read_text()}")

    def environment(self) -> dict[str, str]:
        """For programs that use the SDK: where the server is."""
        return dict(os.environ) | {"GROQ_BASE_URL": self.base_url, "GROQ_API_KEY": "gsk_test"}

    def load(self) -> dict[str, object]:
        """What GET /readyz says."""
        answer: dict[str, object] = httpx.get(f"{self.base_url}/readyz", timeout=10).json()
        return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def galop_serve(*arguments: str) -> Iterator[Server]:
    """Run `galop serve` on a free port until the end of the block; its last words on failure."""
    port = free_port()
    log = Path(_STATE.name) / f"log-{port}"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("galop")),
                "serve",
                *("--port", str(port)),
                *arguments,
            ],
            # What was tuned on this machine is for its users; tests see the file as shipped.
            env=dict(os.environ) | {"GALOP_TUNED": "0"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_until_ready(server)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            pytest.fail(f"galop serve ended: {server.log.read_text()}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.base_url}/readyz").status_code == 200:
                return
        time.sleep(0.05)
    pytest.fail("galop serve was not ready in time")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with galop_serve() as running:
        yield running
