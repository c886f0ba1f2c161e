"""Where chat templates are rendered: in this process, or in processes that can be ended.

A template is a program. Nothing ends a thread that is inside a call of C, such as the comparison of
two tuples that hold themselves sixty times over, and nothing bounds the memory of one thread. A
process can be killed, and the kernel bounds its memory.
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
from galop.chat.prompt.sandbox import Outcome, RenderLimits

TIME_LIMIT_S = 5.0
"""Of one render. 4 MiB of messages take 0.1 s, 20,000 short ones 0.3 s with a long template (2026-11)."""

_MAX_PROCESSES = 4
"""12 MB each, and 80 ms of CPU to start. One renders thousands of short conversations a second; more are
started only while all are kept busy."""
_PATIENCE_S = 0.1
"""How long a render waits for a process that is busy before another one is started."""
_START_TIMEOUT_S = 60.0
"""A process is ready after 0.1 s, unless the machine is very busy."""


class LocalRenderer:
    """Renders in this process, without a limit on time and memory: for tests, and for templates that
    are known."""

    def render(self, source: str, names: Mapping[str, Any]) -> str:
        """See `chat.prompt.template.Renderer`."""
        num_bytes = len(sandbox.encode_request(source, names))
        return _text_of(sandbox.render(source, names, RenderLimits.for_request(num_bytes)))


class RenderingPool:
    """Renders in a few processes; one that exceeds a limit is killed and replaced. Thread safe.

    A process is started for the first render, others when all have been busy for a while.
    """

    def __init__(self, *, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._changed = threading.Condition()
        self._idle = deque[_RenderingProcess]()
        """The one that was used last is at the right, and is taken first."""
        self._processes = set[_RenderingProcess]()
        """All, those that render included."""
        self._is_closed = False

    def start(self) -> None:
        """Start a process now, so that the first render does not wait for it. Raises OSError."""
        with self._changed:
            self._idle.append(self._new_process())

    @property
    def process_ids(self) -> frozenset[int]:
        """Of the processes, those that render included."""
        with self._changed:
            return frozenset(process.process_id for process in self._processes)

    def render(self, source: str, names: Mapping[str, Any]) -> str:
        """See `chat.prompt.template.Renderer`. Waits at most twice the time limit."""
        request = sandbox.encode_request(source, names)
        process = self._take()
        try:
            outcome = process.render(request)
        except BaseException:
            self._replace(process)
            raise
        if outcome.kind in ("output", "memory"):  # what it allocated is not all free again
            self._replace(process)
        else:
            self._give_back(process)
        return _text_of(outcome)

    def close(self) -> None:
        """End the processes, those that render when they are done; idempotent."""
        with self._changed:
            self._is_closed = True
            while self._idle:
                self._end(self._idle.pop())

    def _take(self) -> _RenderingProcess:
        with self._changed:
            if not self._processes:
                return self._new_process()
            if not self._changed.wait_for(lambda: self._idle, _PATIENCE_S):
                if len(self._processes) < _MAX_PROCESSES:
                    return self._new_process()
                if not self._changed.wait_for(lambda: self._idle, self._time_limit_s):
                    raise TemplateLimitError("seconds", self._time_limit_s)
            process = self._idle.pop()
            if process.is_alive:
                return process
            self._end(process)
            return self._new_process()

    def _give_back(self, process: _RenderingProcess) -> None:
        with self._changed:
            if self._is_closed:
                self._end(process)
            else:
                self._idle.append(process)
                self._changed.notify()

    def _replace(self, process: _RenderingProcess) -> None:
        """Start another one at once, so that it is ready when it is needed."""
        with self._changed:
            self._end(process)
            if self._is_closed:
                return
            with contextlib.suppress(OSError):  # the next render tries again, and tells
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
            # -P: the folder of that file holds no modules that a program may import.
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

    def render(self, request: bytes) -> Outcome:
        """Raises `TemplateLimitError`, and `TemplateError` if the process ends; it is of no use then."""
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
            raise TemplateError(f"it ends the process that renders it: {self._cause_of_death()}")
        return sandbox.decode_outcome(answer)

    def close(self) -> None:
        """Kill it, whatever it is doing; idempotent."""
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def _cause_of_death(self) -> str:
        status = self._process.wait()
        return signal.Signals(-status).name if status < 0 else f"status {status}"


def _text_of(outcome: Outcome) -> str:
    if outcome.kind == "refused":
        raise TemplateError(outcome.text)
    if outcome.kind == "output":
        raise TemplateLimitError("characters", int(outcome.text))
    if outcome.kind == "memory":
        raise TemplateLimitError("MiB of memory", int(outcome.text))
    return outcome.text
