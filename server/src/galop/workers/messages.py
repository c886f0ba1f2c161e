"""Messages between the server and an engine process, on a socket pair.

A frame is the length of a message (4 bytes, big-endian) and the message in MessagePack. The server sends
`Command`s, the engine process sends `Report`s.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

from galop.logs import LogFormat
from galop.protocol.events import EngineEvent, EngineStats
from galop.protocol.requests import GenerationRequest

HEADER = struct.Struct(">I")
"""The length of a frame's message, in bytes."""


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """From this the engine process builds its engine."""

    model: str
    """Path of a GGUF file, or `scripted:...` (see `galop.backends.scripted`)."""
    num_slots: int
    """Sequences that can run at once."""
    context_window: int
    """Tokens of a slot."""
    num_threads: int
    """The most that compute a batch."""
    threads_by_rows: dict[int, int] = {}
    """Rows of a batch to threads, as `galop tune` measured them; empty without a measurement."""
    prefill_chunk: int
    """Prompt tokens of a step while a sequence decodes."""
    log_level: str
    """A name of `logging`, in lower case."""
    log_format: LogFormat = "text"


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first command."""

    config: EngineConfig


class Submit(msgspec.Struct, frozen=True, tag=True):
    """Run this request. Its id is not in use."""

    request: GenerationRequest


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """End one choice of a request, or all of them."""

    request_id: str
    """Unknown ids are ignored."""
    choice_index: int | None = None
    """None: all choices."""


class Stop(msgspec.Struct, frozen=True, tag=True):
    """End the process after the current step."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The engine takes requests."""


class StartFailed(msgspec.Struct, frozen=True, tag=True):
    """The engine cannot start; the process ends."""

    kind: Literal["model", "internal"]
    """`model`: a fault of the model file or the machine. `internal`: a bug."""
    reason: str
    """One line for a person."""


class Step(msgspec.Struct, frozen=True, tag=True):
    """The outcome of one step."""

    events: list[EngineEvent]
    """In order; empty where the step only computed or cancelled."""
    stats: EngineStats
    """After the step."""


Command = Start | Submit | Cancel | Stop
Report = Ready | StartFailed | Step

_encoder = msgspec.msgpack.Encoder()
_command_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_report_decoder: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


def decode_command(body: bytes) -> Command:
    """Raises msgspec.DecodeError if `body` is no command."""
    return _command_decoder.decode(body)


def decode_report(body: bytes) -> Report:
    """Raises msgspec.DecodeError if `body` is no report."""
    return _report_decoder.decode(body)


def frame(message: Command | Report) -> bytes:
    """The message with its header."""
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body
