"""What the server and the engine process say to each other: msgpack frames on a socket pair.

A frame is a 4-byte big-endian length and one msgspec-encoded message. The server sends `Command`s,
the engine process answers with `Report`s.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

from galop.logs import LogFormat
from galop.protocol.events import EngineEvent, EngineStats
from galop.protocol.requests import GenerationRequest

HEADER = struct.Struct(">I")


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All that the engine process needs to know to build its engine."""

    model: str
    """Path of a GGUF file, or `scripted:...` (see `galop.testing`)."""
    num_slots: int
    context_window: int
    num_threads: int
    threads_by_rows: dict[int, int] = {}
    """Rows of a batch to threads, where that has been measured (see `galop.backends.llama.runner`)."""
    prefill_chunk: int
    log_level: str
    log_format: LogFormat = "text"


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first command."""

    config: EngineConfig


class Submit(msgspec.Struct, frozen=True, tag=True):
    """Work on this request."""

    request: GenerationRequest


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Stop working on one choice, or on the whole request."""

    request_id: str
    choice_index: int | None = None


class Stop(msgspec.Struct, frozen=True, tag=True):
    """End the process after the current step."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The engine takes requests."""


class StartFailed(msgspec.Struct, frozen=True, tag=True):
    """The engine cannot start; `reason` is one line for a person. The process ends."""

    kind: Literal["model", "internal"]
    reason: str


class Step(msgspec.Struct, frozen=True, tag=True):
    """What happened in one step."""

    events: list[EngineEvent]
    stats: EngineStats


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
    """One message, ready for the socket."""
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body
