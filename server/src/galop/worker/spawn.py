"""Starting an engine process. Imports little, so that a command can start the engine first and import
the rest while the model loads.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from galop.worker.protocol import EngineConfig, Start, frame

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
