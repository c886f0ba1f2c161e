"""Starts the engine process, and starts it again when it dies.

Requests that were in flight run again in the next process (see `recovery`). An engine that has work and
reports no step for `hang_timeout_s` is killed. While no engine is available, `readiness` returns the
reason and the client refuses requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from galop.protocol.errors import EngineDiedError, EngineUnavailableError
from galop.protocol.events import EngineStats
from galop.workers.client import EngineClient
from galop.workers.messages import (
    HEADER,
    Command,
    EngineConfig,
    Ready,
    Report,
    StartFailed,
    Step,
    Stop,
    decode_report,
    frame,
)
from galop.workers.recovery import DEFAULT_CRASH_RETRIES, Recovery
from galop.workers.spawn import Spawned, spawn

logger = logging.getLogger("galop.workers")

DEFAULT_FIRST_BACKOFF_S = 0.25
_LONGEST_BACKOFF_S = 15.0
"""Pauses before a restart double up to this."""
_STABLE_AFTER_S = 60.0
"""When an engine dies that lived longer, the pause is the first one again."""
_STOP_TIMEOUT_S = 5.0
"""A process that has not ended so long after `Stop` is killed."""
DEFAULT_HANG_TIMEOUT_S = 60.0
"""The longest step is far shorter: 512 rows of prompt take seconds on two busy cores."""


class EngineStartError(Exception):
    """The engine process could not start; the text is one line for a person."""


class EngineProcess:
    """An engine in a process of its own. Requests go to its `client`. Use on one event loop."""

    def __init__(
        self,
        command: Sequence[str],
        config: EngineConfig,
        *,
        crash_retries: int = DEFAULT_CRASH_RETRIES,
        hang_timeout_s: float = DEFAULT_HANG_TIMEOUT_S,
        first_backoff_s: float = DEFAULT_FIRST_BACKOFF_S,
        prestarted: Spawned | None = None,
    ) -> None:
        """`command`, `config`: see `spawn`. `prestarted`: a process that was spawned with them already.

        `first_backoff_s`: the pause before the first restart.
        """
        self.client = EngineClient(self._write, recovery=Recovery(crash_retries=crash_retries))
        self.stats = EngineStats()
        """Of the engine's last step; zeros while there is no engine."""
        self.num_restarts = 0
        """How often the process ended since `launch`, failed restarts included."""
        self._crash_retries = crash_retries
        self._hang_timeout_s = hang_timeout_s
        self._first_backoff_s = first_backoff_s
        self._last_report_s = 0.0
        """Monotonic time of the last report, or when the engine was last seen idle."""
        self._num_failed_starts = 0
        """Successive processes that ended before they were ready."""
        self._is_ready = False
        self._prestarted = prestarted
        self._command = list(command)
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._first_start: asyncio.Future[Ready] | None = None
        self._stopping = asyncio.Event()

    def __repr__(self) -> str:
        return f"<EngineProcess {self.pid}, {self.client!r}>"

    @property
    def pid(self) -> int | None:
        """The process id; None while there is no process."""
        return self._process.pid if self._process is not None else None

    def readiness(self) -> str | None:
        """None if the engine takes requests, else the reason why it does not."""
        return self.client.unavailable_reason

    def step_descriptor(self) -> int | None:
        """The file descriptor that becomes readable when the engine reports a step; None while no engine is
        available."""
        if self._writer is None or self.client.unavailable_reason is not None:
            return None
        connection: socket.socket = self._writer.get_extra_info("socket")
        number = connection.fileno()
        return number if number >= 0 else None  # the transport has just closed it

    def launch(self) -> None:
        """Start the process, and restart it when it dies, until `stop`. Returns at once."""
        self._first_start = asyncio.get_running_loop().create_future()
        self._watcher = asyncio.create_task(self._watch(), name="galop-engine-watcher")

    async def wait_until_ready(self) -> Ready:
        """Wait for the first start. Raises `EngineStartError` if it fails."""
        assert self._first_start is not None, "launch() comes first"
        return await asyncio.shield(self._first_start)

    async def stop(self) -> None:
        """End the process. Requests in flight end with `EngineUnavailableError`. Idempotent."""
        self._stopping.set()
        self.client.unavailable_reason = "the server is stopping"
        self.client.fail_all(EngineUnavailableError("the server is stopping"))
        process = self._process
        if process is not None and self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.write(frame(Stop()))
        if process is not None:
            try:
                await asyncio.to_thread(process.wait, _STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._watcher is not None:
            await self._watcher

    async def _watch(self) -> None:
        """Run the process again and again, until `stop` or until the first start fails."""
        backoff_s = self._first_backoff_s
        while not self._stopping.is_set():
            started_s = time.monotonic()
            try:
                exit_code = await self._run_once()
            except EngineStartError as error:
                if self._first_start is not None and not self._first_start.done():
                    self._first_start.set_exception(error)
                    return
                logger.error("the engine could not be restarted: %s", error)
                exit_code = None
            if self._stopping.is_set():
                return
            if self._first_start is not None and not self._first_start.done():
                self._first_start.set_exception(
                    EngineStartError(f"the engine process ended at start (exit code {exit_code})")
                )
                return
            self.num_restarts += 1
            if time.monotonic() - started_s > _STABLE_AFTER_S:
                backoff_s = self._first_backoff_s
            logger.error("the engine died (exit code %s); restart in %.2f s", exit_code, backoff_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff_s)
            backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)

    async def _run_once(self) -> int | None:
        """Run the process until it ends; returns its exit code. Raises `EngineStartError`."""
        self._is_ready = False
        spawned, self._prestarted = self._prestarted, None
        try:
            spawned = spawned or spawn(self._command, self._config)
        except OSError as error:
            raise EngineStartError(f"the engine process could not be started: {error}") from error
        self._process = process = spawned.process
        reader, self._writer = await asyncio.open_connection(sock=spawned.connection)
        try:
            async with self._killing_when_hung(process):
                while (report := await _read_report(reader)) is not None:
                    self._on_report(report)
        finally:
            was_ready = self._is_ready
            if not self._stopping.is_set():
                self.client.unavailable_reason = "the engine is restarting"
            self._writer.close()
            self._writer = None
            exit_code = await self._reap(process)
            self._process = None
            self.stats = EngineStats()
            self._keep_or_fail_requests(EngineDiedError(exit_code=exit_code), was_ready=was_ready)
        return exit_code

    def _keep_or_fail_requests(self, error: EngineDiedError, *, was_ready: bool) -> None:
        """Requests wait for the next engine, unless more than `crash_retries` of them failed to start."""
        self._num_failed_starts = 0 if was_ready else self._num_failed_starts + 1
        if self._num_failed_starts > self._crash_retries:
            self.client.fail_all(error)
        else:
            self.client.engine_died(error)

    @asynccontextmanager
    async def _killing_when_hung(self, process: subprocess.Popen[bytes]) -> AsyncIterator[None]:
        watch = asyncio.create_task(self._kill_when_hung(process), name="galop-engine-watchdog")
        try:
            yield
        finally:
            watch.cancel()

    async def _kill_when_hung(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the process when it has work and did not report for too long. `_run_once` sees its end."""
        while True:
            await asyncio.sleep(min(1.0, self._hang_timeout_s / 4))
            now_s = time.monotonic()
            if self.client.unavailable_reason is not None or self.client.is_idle:
                self._last_report_s = now_s
            elif now_s - self._last_report_s > self._hang_timeout_s:
                logger.error(
                    "the engine has work and took no step for %.0f s: killed", self._hang_timeout_s
                )
                process.kill()
                return

    async def _reap(self, process: subprocess.Popen[bytes]) -> int | None:
        try:
            return await asyncio.to_thread(process.wait, _STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return await asyncio.to_thread(process.wait)

    def _on_report(self, report: Report) -> None:
        self._last_report_s = time.monotonic()
        if isinstance(report, Step):
            self.stats = report.stats
            self.client.dispatch(report.events)
        elif isinstance(report, Ready):
            self._is_ready = True
            if not self._stopping.is_set():
                self.client.engine_returned()
            if self._first_start is not None and not self._first_start.done():
                self._first_start.set_result(report)
        elif isinstance(report, StartFailed):
            raise EngineStartError(report.reason)

    def _write(self, command: Command) -> None:
        if self._writer is None:
            raise EngineUnavailableError(
                self.client.unavailable_reason or "the engine is restarting"
            )
        self._writer.write(frame(command))


async def _read_report(reader: asyncio.StreamReader) -> Report | None:
    """The next report; None when the process has closed its end of the socket."""
    try:
        header = await reader.readexactly(HEADER.size)
        return decode_report(await reader.readexactly(HEADER.unpack(header)[0]))
    except (asyncio.IncompleteReadError, OSError):
        return None
