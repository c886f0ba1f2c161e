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
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from galop.logs import start_logging
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import ConstraintFailedError
from galop.protocol.events import EngineEvent, EngineStats
from galop.protocol.requests import GenerationRequest
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
    Stop,
    Submit,
    decode_command,
    frame,
)

if TYPE_CHECKING:  # they import numpy, and the model is to be read meanwhile
    from galop.engine.constraint import ConstraintFactory
    from galop.engine.engine import Engine
    from galop.engine.runner import ModelRunner

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
        send(Step(list(events), _stats(engine)))

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
    """Writes reports; a server that is gone is noticed by the reader, not here."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def __call__(self, report: Report) -> None:
        try:
            self._connection.sendall(frame(report))
        except OSError:
            logger.debug("the server is gone")


class _Compiler:
    """Compiles constraints on a thread of its own: neither the engine nor a cancellation waits for it.

    A request whose constraint is being compiled is held back; cancelling it meanwhile is remembered.
    """

    def __init__(self, engine: Engine, factory: ConstraintFactory) -> None:
        self._engine = engine
        self._factory = factory
        self._requests: SimpleQueue[GenerationRequest] = SimpleQueue()
        self._lock = threading.Lock()
        self._held: dict[str, list[Cancel]] = {}
        """By request id, what was cancelled while its constraint is being compiled."""
        threading.Thread(target=self._run, name="galop-compiler", daemon=True).start()

    def submit(self, request: GenerationRequest) -> None:
        """Submit the request once its constraint is compiled."""
        with self._lock:
            self._held[request.request_id] = []
        self._requests.put(request)

    def cancel(self, command: Cancel) -> bool:
        """True if the request is held back: its choices are cancelled once it is submitted."""
        with self._lock:
            held = self._held.get(command.request_id)
            if held is not None:
                held.append(command)
            return held is not None

    def _run(self) -> None:
        while True:
            self._compile(self._requests.get())

    def _compile(self, request: GenerationRequest) -> None:
        assert request.constraint is not None
        with self._lock:
            is_wanted = all(
                each.choice_index is not None for each in self._held[request.request_id]
            )
        if is_wanted:
            _prepare(self._factory, request.constraint)
        with self._lock:  # a cancellation comes before this, or finds the request with the engine
            cancelled = self._held.pop(request.request_id)
            if any(each.choice_index is None for each in cancelled):
                return
            self._engine.submit(request)
            for each in cancelled:
                self._engine.cancel(each.request_id, each.choice_index)


def _prepare(factory: ConstraintFactory, spec: ConstraintSpec) -> None:
    try:
        factory.prepare(spec)
    except ConstraintFailedError:
        pass  # the engine meets it again, and tells the request
    except Exception:
        logger.exception("a grammar could not be prepared")


def _read_commands(
    connection: socket.socket, engine: Engine, factory: ConstraintFactory | None
) -> None:
    compiler = None if factory is None else _Compiler(engine, factory)
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
