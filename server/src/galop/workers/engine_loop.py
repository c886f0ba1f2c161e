"""The engine process's main loop: commands from the socket, reports back to it.

The engine runs on the main thread; a reader thread feeds it. When the server goes away, however it
goes, the socket ends and so does this process: no orphan keeps a core busy.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from galop.logs import start_logging
from galop.protocol.errors import ConstraintFailedError
from galop.workers.garbage import spare_garbage_collector
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
    StepFigures,
    Stop,
    Submit,
    decode_command,
    frame,
)

if TYPE_CHECKING:  # they import numpy, and the model is to be read meanwhile
    from galop.engine.constraint import ConstraintFactory
    from galop.engine.engine import Engine
    from galop.engine.runner import ModelRunner
    from galop.protocol.constraints import ConstraintSpec
    from galop.protocol.events import EngineEvent

logger = logging.getLogger("galop.workers")


class EngineParts(NamedTuple):
    """What an engine is made of."""

    runner: ModelRunner
    constraint_factory: ConstraintFactory | None
    when_ready: Callable[[], object] = lambda: None
    """Called once requests are taken: what the first of them does not need."""


class StartError(Exception):
    """The parts cannot be built; the text is one line for a person."""


def serve_engine(connection: socket.socket, build: Callable[[EngineConfig], EngineParts]) -> None:
    """Build the engine as the first command says, then run it until told to stop.

    `build` may raise `StartError` for faults of the model or the machine.
    """
    # Ctrl-C, and the SIGTERM that systemd sends to the whole group, are the server's to handle.
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
        send(Step(list(events), _figures(engine)))

    engine = Engine(
        parts.runner,
        emit,
        constraint_factory=parts.constraint_factory,
        prefill_chunk=start.config.prefill_chunk,
    )
    reader_args = (connection, engine, parts.constraint_factory)
    reader = threading.Thread(target=_read_commands, args=reader_args, daemon=True)
    reader.start()
    send(Ready())
    parts.when_ready()
    spare_garbage_collector()
    engine.run()
    parts.runner.close()


def _figures(engine: Engine) -> StepFigures:
    scheduler = engine.scheduler
    num_running_kv_tokens, num_cached_kv_tokens = scheduler.num_kv_tokens()
    return StepFigures(
        num_running=len(scheduler.running),
        num_waiting=len(scheduler.waiting),
        num_running_kv_tokens=num_running_kv_tokens,
        num_cached_kv_tokens=num_cached_kv_tokens,
        num_draft_tokens=engine.num_draft_tokens,
        num_accepted_tokens=engine.num_accepted_tokens,
    )


class _Sender:
    """Writes reports; a server that is gone is noticed by the reader, not here."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def __call__(self, report: Report) -> None:
        try:
            self._connection.sendall(frame(report))
        except OSError:
            logger.debug("the server is gone")


def _prepare(factory: ConstraintFactory, spec: ConstraintSpec) -> None:
    """Compile on this thread, so that the engine's never waits for it; it also tells of faults."""
    try:
        factory.prepare(spec)
    except ConstraintFailedError:
        pass
    except Exception:
        logger.exception("a grammar could not be prepared")


def _read_commands(
    connection: socket.socket, engine: Engine, factory: ConstraintFactory | None
) -> None:
    while True:
        command = _read_command(connection)
        if isinstance(command, Submit):
            if factory is not None and command.request.constraint is not None:
                _prepare(factory, command.request.constraint)
            engine.submit(command.request)
        elif isinstance(command, Cancel):
            engine.cancel(command.request_id, command.choice_index)
        elif command is None or isinstance(command, Stop):
            engine.stop()
            return


def _read_command(connection: socket.socket) -> Command | None:
    """The next command, None when the server is gone."""
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
