"""Starts an engine process.

Imports little: a command starts the engine first, and imports the rest while the model is loaded.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from galop.workers.messages import EngineConfig, Start, frame

ENGINE_COMMAND = (sys.executable, "-m", "galop.workers.engine_main")

ENVIRONMENT = {
    # llama.cpp's threads wait for each other at some 400 barriers a step. A thread that only spins there
    # keeps its core from other processes: with one of them on one of two cores, a step took 98 to
    # 1,286 ms. A thread that only sleeps needs a wake-up at each barrier. So libgomp spins 1,000 times
    # (some 20 us), then sleeps (bench/LOG.md). It reads both variables when it is loaded.
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "1000",
    # numpy's OpenBLAS: nothing here multiplies matrices with it, and its threads take memory and time to start.
    "OPENBLAS_NUM_THREADS": "1",
}
"""Environment variables of an engine process. Those of this process take precedence."""


class EngineNotStartedError(Exception):
    """The operating system did not start the process; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """An engine process that was sent `Start`."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    """The server's end of the socket pair."""

    def discard(self) -> None:
        """Kill the process and wait for its end; idempotent."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


def spawn(command: Sequence[str], config: EngineConfig) -> Spawned:
    """Start the program `command` and send it `config`. Raises OSError if it cannot be started.

    The program gets the number of an inherited socket as one more argument, see `messages`.
    """
    server_end, engine_end = socket.socketpair()
    try:
        process = subprocess.Popen(
            [*command, str(engine_end.fileno())],
            pass_fds=[engine_end.fileno()],
            stdin=subprocess.DEVNULL,
            env=ENVIRONMENT | dict(os.environ),
        )
    except OSError:
        server_end.close()
        raise
    finally:
        engine_end.close()
    server_end.sendall(frame(Start(config)))
    return Spawned(process, server_end)


@contextmanager
def spawned_engine(config: EngineConfig) -> Iterator[Spawned]:
    """An engine process, killed at the end of the block. Raises `EngineNotStartedError`."""
    try:
        spawned = spawn(ENGINE_COMMAND, config)
    except OSError as error:
        raise EngineNotStartedError(f"the engine process could not be started: {error}") from error
    try:
        yield spawned
    finally:
        spawned.discard()
