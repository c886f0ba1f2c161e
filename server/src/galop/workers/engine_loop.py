"""The main loop of the engine process: reads commands from a socket, writes reports to it.

The engine runs on the main thread, commands are read on another one. When the server process ends, the
socket closes, and then this process ends too.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from galop.logs import start_logging
from galop.protocol.events import EngineEvent, EngineStats
from galop.workers.compiler import ConstraintCompiler
from galop.workers.garbage import run_garbage_collector_less_often
from galop.workers.messages import (
    HEADER,
    Cancel,
    Command,
    EngineConfig,
    Ready,
    Report,
    Start,
    StartFailed,
    Step,
    Stop,
    Submit,
    decode_command,
    frame,
)

if TYPE_CHECKING:  # they import numpy; `build` imports it while the model file is read
    from galop.engine.constraint import ConstraintFactory
    from galop.engine.engine import Engine
    from galop.engine.runner import ModelRunner

logger = logging.getLogger("galop.workers")


class EngineParts(NamedTuple):
    """What `serve_engine` needs for an engine."""

    runner: ModelRunner
    constraint_factory: ConstraintFactory | None
    """None: requests with a constraint fail."""
    on_ready: Callable[[], object] = lambda: None
    """Called once, after `Ready` is sent: starts work that the first requests do not need."""


class StartError(Exception):
    """The model or the machine does not allow an engine; the text is one line for a person."""


def serve_engine(connection: socket.socket, build: Callable[[EngineConfig], EngineParts]) -> None:
    """Build the engine that the first command describes, then run it until `Stop` or the end of the socket.

    Call on the main thread: the engine runs there, and signals are set. Sends `StartFailed` if `build`
    raises; it raises `StartError` for faults of the model or the machine.
    """
    # A Ctrl-C, or a SIGTERM from systemd, goes to all processes of the group. The server decides when to end.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    start = _read_command(connection)
    if not isinstance(start, Start):
        return
    start_logging(start.config.log_level, start.config.log_format)
    send = _Sender(connection)
    try:
        parts = build(start.config)
    except StartError as error:
        send(StartFailed("model", str(error)))
        return
    except Exception as error:
        logger.exception("the engine could not be built")
        send(StartFailed("internal", f"{type(error).__name__}: {error}"))
        return

    from galop.engine.engine import Engine

    def emit(events: Sequence[EngineEvent]) -> None:
        send(Step(list(events), _stats(engine)))

    engine = Engine(
        parts.runner,
        emit,
        constraint_factory=parts.constraint_factory,
        prefill_chunk=start.config.prefill_chunk,
    )
    reader_args = (connection, engine, parts.constraint_factory)
    threading.Thread(
        target=_read_commands, args=reader_args, name="galop-commands", daemon=True
    ).start()
    send(Ready())
    parts.on_ready()
    run_garbage_collector_less_often()
    engine.run()
    parts.runner.close()


def _stats(engine: Engine) -> EngineStats:
    scheduler = engine.scheduler
    num_running_kv_tokens, num_cached_kv_tokens = scheduler.num_kv_tokens()
    return EngineStats(
        num_running=len(scheduler.running),
        num_waiting=len(scheduler.waiting),
        num_running_kv_tokens=num_running_kv_tokens,
        num_cached_kv_tokens=num_cached_kv_tokens,
        num_draft_tokens=engine.num_draft_tokens,
        num_accepted_tokens=engine.num_accepted_tokens,
    )


class _Sender:
    """Writes reports. Errors are ignored: `_read_commands` notices that the server has gone."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def __call__(self, report: Report) -> None:
        try:
            self._connection.sendall(frame(report))
        except OSError:
            logger.debug("the server is gone")


def _read_commands(
    connection: socket.socket, engine: Engine, factory: ConstraintFactory | None
) -> None:
    compiler = (
        None if factory is None else ConstraintCompiler(factory, engine.submit, engine.cancel)
    )
    while True:
        command = _read_command(connection)
        if isinstance(command, Submit):
            if compiler is not None and command.request.constraint is not None:
                compiler.submit(command.request)
            else:
                engine.submit(command.request)
        elif isinstance(command, Cancel):
            if compiler is None or not compiler.cancel(command):
                engine.cancel(command.request_id, command.choice_index)
        elif command is None or isinstance(command, Stop):
            engine.stop()
            return


def _read_command(connection: socket.socket) -> Command | None:
    """The next command; None when the server has closed its end of the socket."""
    try:
        header = _read_exactly(connection, HEADER.size)
        return decode_command(_read_exactly(connection, HEADER.unpack(header)[0]))
    except (EOFError, OSError):
        return None


def _read_exactly(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
