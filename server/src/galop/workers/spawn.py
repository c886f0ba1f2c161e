"""Starting an engine process. Imports little, so that a command can start the engine first and import
the rest while the model loads.
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
    # Threads that wait by spinning take the core from whatever else wants it: with another process
    # on one of two cores a step took 98-1286 ms. Those that sleep at once pay for a wake-up at each
    # of 400 barriers a step. So: spin for some 20 microseconds, then sleep; and see llama.threads.
    # Must be set before the OpenMP runtime is loaded.
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "1000",
    # numpy's: it multiplies no matrices here, and its threads take time to start and memory.
    "OPENBLAS_NUM_THREADS": "1",
}
"""Set for the engine process unless the user's environment says otherwise."""


class EngineNotStartedError(Exception):
    """The process could not be created; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """An engine process that has been told to start, and our end of the socket to it."""

    process: subprocess.Popen[bytes]
    connection: socket.socket

    def discard(self) -> None:
        """End it, whatever it is doing; idempotent."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


def spawn(command: Sequence[str], config: EngineConfig) -> Spawned:
    """Run `command` with the number of an inherited socket as its last argument. Raises OSError."""
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [*command, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=ENVIRONMENT | dict(os.environ),
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.sendall(frame(Start(config)))
    return Spawned(process, ours)


@contextmanager
def spawned_engine(config: EngineConfig) -> Iterator[Spawned]:
    """A process that loads the model; killed when the block ends, however it ends.

    Raises `EngineNotStartedError`.
    """
    try:
        spawned = spawn(ENGINE_COMMAND, config)
    except OSError as error:
        raise EngineNotStartedError(f"the engine process could not be started: {error}") from error
    try:
        yield spawned
    finally:
        spawned.discard()
