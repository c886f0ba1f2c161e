"""A `galop serve` of our own with the embedded model, and what it holds of the machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from galop.benchmark.client import Client

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
GALOP = str(Path(sys.executable).with_name("galop"))


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the two processes hold. Memory is resident, in MiB; the engine's has its KV cache in it."""

    num_sequences: int
    num_descriptors: int
    server_mib: float
    engine_mib: float


class Service:
    """A running server."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.port = port
        self.process = process
        self.base_url = f"http://127.0.0.1:{port}"
        self._log = log
        self._client = Client(self.base_url, timeout_s=30)

    @property
    def engine_pid(self) -> int | None:
        """None while there is no engine."""
        pid = self.process.pid
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                # The other children render chat templates.
                if b"engine_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
        return None

    @property
    def server_mib(self) -> float:
        """Resident memory of the server process, as of now."""
        return _resident_mib(self.process.pid)

    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace")

    def signal_engine(self, number: int) -> None:
        """Raises RuntimeError if there is no engine."""
        pid = self.engine_pid
        if pid is None:
            raise RuntimeError("there is no engine to send a signal to")
        os.kill(pid, number)

    async def load(self) -> tuple[int, int]:
        """Running and waiting choices; (-1, -1) while it is not ready."""
        exchange = await self._client.send(self._client.get("/readyz"))
        if exchange.status != 200:
            return -1, -1
        document = exchange.json()
        return int(document["running"]), int(document["waiting"])

    async def until_load(
        self, *, running: int = 0, waiting: int = 0, timeout_s: float = 30
    ) -> bool:
        """Wait until at least so many run and wait. False if that does not happen in time."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            num_running, num_waiting = await self.load()
            if num_running >= running and num_waiting >= waiting:
                return True
            await asyncio.sleep(0.01)
        return False

    async def holdings(self) -> Holdings:
        """As of now."""
        running, waiting = await self.load()
        engine = self.engine_pid
        return Holdings(
            num_sequences=running + waiting,
            num_descriptors=_num_descriptors(self.process.pid) + _num_descriptors(engine),
            server_mib=self.server_mib,
            engine_mib=_resident_mib(engine),
        )

    async def settled(self, before: Holdings | None = None, timeout_s: float = 20) -> Holdings:
        """The holdings when all is quiet: no sequences, and no more descriptors than `before`.

        Idle connections are kept for 5 seconds, so this may take a moment. After `timeout_s` it is
        what it is, and what is left over counts as leaked.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            now = await self.holdings()
            is_quiet = now.num_sequences == 0 and (
                before is None or now.num_descriptors <= before.num_descriptors
            )
            if is_quiet or time.monotonic() > deadline_s:
                return now
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def serving(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    state_directory: Path | None = None,
) -> AsyncIterator[Service]:
    """Run `galop serve` on a free port until the end of the block. Raises RuntimeError with its
    last words if it does not come up."""
    with tempfile.TemporaryDirectory(prefix="galop-reliability-") as directory:
        state = state_directory or Path(directory) / "state"
        log = Path(directory) / "log"
        port = _free_port()
        command = [GALOP, "serve", "--port", str(port), "--state-dir", str(state), "--no-tuned"]
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: ASYNC220  # returns at once
                [*command, *arguments],
                env={**os.environ, **(environment or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        service = Service(port, process, log)
        try:
            await _until_ready(service)
            yield service
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run_galop(*arguments: str) -> str:
    """What another galop command prints. Raises subprocess.CalledProcessError."""
    return subprocess.run([GALOP, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


async def _until_ready(service: Service) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if service.process.poll() is not None:
            break
        if (await service.load())[0] >= 0:
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"galop serve did not come up: {service.log()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _num_descriptors(pid: int | None) -> int:
    if pid is None:
        return 0
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/fd"))
    return 0


def _resident_mib(pid: int | None) -> float:
    """From /proc/PID/statm, see proc_pid_statm(5)."""
    if pid is None:
        return 0.0
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def machine_load() -> Sequence[float]:
    """The load averages of this machine over 1, 5 and 15 minutes: who else was there."""
    return [round(each, 1) for each in os.getloadavg()]
