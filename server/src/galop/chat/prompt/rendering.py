"""Renders chat templates, in this process or in a pool of processes with limits.

A template is a program. A thread cannot be stopped inside a C function, such as a comparison of deeply
nested tuples, and its memory cannot be bounded. A process can be killed, and the kernel bounds its memory.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

from galop.chat.errors import TemplateError, TemplateLimitError
from galop.chat.prompt import sandbox
from galop.chat.prompt.sandbox import RenderLimits, RenderOutcome

TIME_LIMIT_S = 5.0
"""Per render. 4 MiB of messages take 0.1 s, 20,000 short ones 0.3 s with a long template (2026-11)."""

_MAX_PROCESSES = 4
"""12 MB each, and 80 ms of CPU to start. One renders thousands of short conversations a second; further
ones start only while all are busy."""
_BUSY_WAIT_S = 0.1
"""A render waits this long for an idle process before another one is started."""
_START_TIMEOUT_S = 60.0
"""A process is ready after 0.1 s on an idle machine."""


class LocalRenderer:
    """Renders in this process, without limits on time and memory: for tests and for known templates."""

    def render(self, source: str, names: Mapping[str, Any]) -> str:
        """See `chat.prompt.template.Renderer.render`."""
        num_bytes = len(sandbox.encode_request(source, names))
        return _text_of(sandbox.render(source, names, RenderLimits.for_request(num_bytes)))


class RenderingPool:
    """Renders in up to four processes; one that exceeds a limit is killed and replaced. Thread safe.

    The first render starts a process, unless `start` did; see `_BUSY_WAIT_S` for further ones.
    """

    def __init__(self, *, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._changed = threading.Condition()
        self._idle = deque[_RenderingProcess]()
        """Least recently used first; the last one is used next."""
        self._processes = set[_RenderingProcess]()
        """Idle and rendering ones."""
        self._is_closed = False

    def start(self) -> None:
        """Start a process now, so that the first render does not wait for it. Raises OSError."""
        with self._changed:
            self._idle.append(self._new_process())

    @property
    def process_ids(self) -> frozenset[int]:
        """Of idle and rendering processes."""
        with self._changed:
            return frozenset(process.process_id for process in self._processes)

    def render(self, source: str, names: Mapping[str, Any]) -> str:
        """See `chat.prompt.template.Renderer.render`. Blocks for at most about twice the time limit, and for
        `_START_TIMEOUT_S` more if a process starts."""
        request = sandbox.encode_request(source, names)
        process = self._acquire()
        try:
            outcome = process.render(request)
        except BaseException:
            self._replace(process)
            raise
        if outcome.kind in ("output", "memory"):  # not all of its memory is freed
            self._replace(process)
        else:
            self._release(process)
        return _text_of(outcome)

    def close(self) -> None:
        """End idle processes now and rendering ones after their render; idempotent."""
        with self._changed:
            self._is_closed = True
            while self._idle:
                self._end(self._idle.pop())

    def _acquire(self) -> _RenderingProcess:
        with self._changed:
            if not self._processes:
                return self._new_process()
            if not self._changed.wait_for(lambda: self._idle, _BUSY_WAIT_S):
                if len(self._processes) < _MAX_PROCESSES:
                    return self._new_process()
                if not self._changed.wait_for(lambda: self._idle, self._time_limit_s):
                    raise TemplateLimitError("seconds", self._time_limit_s)
            process = self._idle.pop()
            if process.is_alive:
                return process
            self._end(process)
            return self._new_process()

    def _release(self, process: _RenderingProcess) -> None:
        with self._changed:
            if self._is_closed:
                self._end(process)
            else:
                self._idle.append(process)
                self._changed.notify()

    def _replace(self, process: _RenderingProcess) -> None:
        """End a process and start another one now, so that it is ready for the next render."""
        with self._changed:
            self._end(process)
            if self._is_closed:
                return
            with contextlib.suppress(OSError):  # the next render tries again and raises
                self._idle.appendleft(self._new_process())
                self._changed.notify()

    def _new_process(self) -> _RenderingProcess:
        process = _RenderingProcess(self._time_limit_s)
        self._processes.add(process)
        return process

    def _end(self, process: _RenderingProcess) -> None:
        process.close()
        self._processes.discard(process)


class _RenderingProcess:
    """One process that runs `chat.prompt.sandbox`, for one thread at a time."""

    def __init__(self, time_limit_s: float) -> None:
        """Raises OSError. Does not wait until the process is ready."""
        self._time_limit_s = time_limit_s
        alarm_s = ceil(time_limit_s) + 1
        self._connection, theirs = socket.socketpair()
        with theirs:
            # -P: modules in the folder of that file must not shadow the standard library.
            command = [sys.executable, "-P", str(Path(sandbox.__file__))]
            try:
                self._process = subprocess.Popen(
                    [*command, str(theirs.fileno()), str(alarm_s)],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )
            except OSError:
                self._connection.close()
                raise
        self._is_ready = False

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def render(self, request: bytes) -> RenderOutcome:
        """Raises `TemplateLimitError`, and `TemplateError` if the process ends. Close it after either."""
        if not self._is_ready:
            self._connection.settimeout(_START_TIMEOUT_S)
            if sandbox.receive(self._connection) is None:
                raise TemplateError("the process that renders it does not start")
            self._is_ready = True
            self._connection.settimeout(self._time_limit_s)
        try:
            sandbox.send(self._connection, request)
            answer = sandbox.receive(self._connection)
        except TimeoutError as error:
            raise TemplateLimitError("seconds", self._time_limit_s) from error
        except OSError:
            answer = None
        if answer is None:
            raise TemplateError(f"it ends the process that renders it: {self._exit_reason()}")
        return sandbox.decode_outcome(answer)

    def close(self) -> None:
        """Kill the process; idempotent."""
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def _exit_reason(self) -> str:
        status = self._process.wait()
        return signal.Signals(-status).name if status < 0 else f"status {status}"


def _text_of(outcome: RenderOutcome) -> str:
    if outcome.kind == "refused":
        raise TemplateError(outcome.text)
    if outcome.kind == "output":
        raise TemplateLimitError("characters", int(outcome.text))
    if outcome.kind == "memory":
        raise TemplateLimitError("MiB of memory", int(outcome.text))
    return outcome.text
