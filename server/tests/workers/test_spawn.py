"""Starting a program with a socket and a configuration: with small programs instead of an engine."""

from __future__ import annotations

import os
import sys

import pytest

from galop.workers.messages import HEADER, EngineConfig, Start, decode_command
from galop.workers.spawn import ENVIRONMENT, Spawned, spawn

CONFIG = EngineConfig(
    model="scripted:",
    num_slots=1,
    context_window=64,
    num_threads=1,
    prefill_chunk=16,
    log_level="error",
)
ECHO = """
import os, socket, sys
connection = socket.socket(fileno=int(sys.argv[-1]))
reader = connection.makefile("rb")
header = reader.read(4)
connection.sendall(header + reader.read(int.from_bytes(header, "big")))
connection.sendall(os.environ["GOMP_SPINCOUNT"].encode())
"""


def output_of(spawned: Spawned) -> bytes:
    """What the program writes to the socket until it ends."""
    with spawned.connection.makefile("rb") as reader:
        output = reader.read()
    spawned.discard()
    return output


def spawn_python(program: str) -> Spawned:
    return spawn([sys.executable, "-c", program], CONFIG)


def test_the_program_gets_its_configuration_as_the_first_command() -> None:
    output = output_of(spawn_python(ECHO))
    (size,) = HEADER.unpack(output[: HEADER.size])
    assert decode_command(output[HEADER.size : HEADER.size + size]) == Start(CONFIG)


@pytest.mark.parametrize("own", [None, "7"])
def test_the_environment_of_the_caller_takes_precedence(
    monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if own is not None:
        monkeypatch.setenv("GOMP_SPINCOUNT", own)
    expected = own or ENVIRONMENT["GOMP_SPINCOUNT"]
    assert output_of(spawn_python(ECHO)).endswith(expected.encode())


def test_discard_ends_a_program_that_does_not_end_by_itself() -> None:
    """Twice is once."""
    spawned = spawn_python("import threading; threading.Event().wait()")
    spawned.discard()
    spawned.discard()
    assert spawned.process.returncode is not None
    assert spawned.connection.fileno() == -1


def test_a_program_that_does_not_exist_leaves_no_descriptor_open() -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="no-such-program"):
        spawn(["/no-such-program"], CONFIG)
    assert os.listdir("/proc/self/fd") == before
