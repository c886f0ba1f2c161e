"""The engine process at the other end of a socket: commands in, reports out, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from galop.protocol.constraints import ConstraintSpec
from galop.protocol.events import EngineEvent, Finished, Tokens
from galop.protocol.requests import GenerationRequest, SamplingParams
from galop.testing import ScriptedTokenizer
from galop.workers.messages import (
    HEADER,
    Cancel,
    Command,
    EngineConfig,
    Ready,
    Report,
    StartFailed,
    Step,
    Stop,
    Submit,
    decode_report,
    frame,
)
from galop.workers.spawn import spawn

CHILD = (sys.executable, str(Path(__file__).with_name("scripted_child.py")))
TIMEOUT_S = 20.0
tokenizer = ScriptedTokenizer()


class Process:
    """An engine process, and the server's end of its socket."""

    def __init__(self, model: str) -> None:
        config = EngineConfig(
            model=model,
            num_slots=2,
            context_window=512,
            num_threads=1,
            prefill_chunk=64,
            log_level="error",
        )
        self.spawned = spawn(CHILD, config)
        self.spawned.connection.settimeout(TIMEOUT_S)
        self._reader = self.spawned.connection.makefile("rb")

    def send(self, *commands: Command) -> None:
        self.spawned.connection.sendall(b"".join(map(frame, commands)))

    def report(self) -> Report:
        (size,) = HEADER.unpack(self._reader.read(HEADER.size))
        return decode_report(self._reader.read(size))

    def events_until_finished(self, request_id: str) -> list[EngineEvent]:
        """All events up to the end of this request, those of others included."""
        events: list[EngineEvent] = []
        while not any(isinstance(e, Finished) and e.request_id == request_id for e in events):
            report = self.report()
            assert isinstance(report, Step)
            events += report.events
        return events

    def exit_code(self) -> int:
        return self.spawned.process.wait(TIMEOUT_S)

    def close(self) -> None:
        self._reader.close()
        self.spawned.discard()


@contextlib.contextmanager
def running(model: str = "scripted:") -> Iterator[Process]:
    process = Process(model)
    try:
        yield process
    finally:
        process.close()


def submit(name: str, text: str, constraint: ConstraintSpec | None = None) -> Submit:
    prompt = f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    return Submit(
        GenerationRequest(
            request_id=name,
            prompt_token_ids=tokenizer.encode(prompt),
            max_tokens=200,
            sampling=SamplingParams(temperature=0.0),
            constraint=constraint,
        )
    )


def text_of(events: list[EngineEvent], request_id: str) -> str:
    mine = [e for e in events if isinstance(e, Tokens) and e.request_id == request_id]
    return tokenizer.decode([token_id for event in mine for token_id in event.token_ids])


def test_a_request_is_answered_after_ready_and_stop_ends_the_process() -> None:
    with running() as process:
        assert process.report() == Ready()
        process.send(submit("r", "hello"))
        assert text_of(process.events_until_finished("r"), "r") == "hello"
        process.send(Stop())
        assert process.exit_code() == 0


def test_the_last_step_reports_an_empty_engine() -> None:
    """And what the prefix cache keeps."""
    with running() as process:
        process.report()
        process.send(submit("r", "hello"))
        report = process.report()
        while not (
            isinstance(report, Step) and any(isinstance(e, Finished) for e in report.events)
        ):
            report = process.report()
        stats = report.stats
        assert (stats.num_running, stats.num_waiting, stats.num_running_kv_tokens) == (0, 0, 0)
        assert stats.num_cached_kv_tokens > 0


def test_a_cancelled_request_sends_no_more_tokens() -> None:
    with running() as process:
        process.report()
        process.send(submit("gone", "x" * 150), submit("kept", "y" * 100))
        process.send(Cancel("gone"), Cancel("unknown"))
        events = process.events_until_finished("kept")
        assert text_of(events, "kept") == "y" * 100
        assert len(text_of(events, "gone")) < 100
        assert not [e for e in events if isinstance(e, Finished) and e.request_id == "gone"]


def test_the_end_of_the_socket_ends_the_process() -> None:
    """In the middle of an answer."""
    with running() as process:
        process.report()
        process.send(submit("r", "x" * 190))
        process.report()
        process.spawned.connection.shutdown(socket.SHUT_RDWR)
        assert process.exit_code() == 0


def test_neither_requests_nor_cancellations_wait_for_a_constraint_that_is_compiled() -> None:
    """The compilation never ends. The process ends all the same."""
    with running("blocked") as process:
        process.report()
        process.send(submit("blocked", "x", ConstraintSpec(json_object=True)))
        process.send(submit("cancelled", "y" * 150), submit("free", "z" * 100))
        process.send(Cancel("blocked"), Cancel("cancelled"))
        events = process.events_until_finished("free")
        assert text_of(events, "free") == "z" * 100
        assert len(text_of(events, "cancelled")) < 100
        assert text_of(events, "blocked") == ""
        process.send(Stop())
        assert process.exit_code() == 0


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("refuse", StartFailed("model", "model.gguf: no such model")),
        ("raise", StartFailed("internal", "ValueError: a bug")),
    ],
)
def test_an_engine_that_cannot_be_built_is_reported(model: str, expected: StartFailed) -> None:
    with running(model) as process:
        assert process.report() == expected
        assert process.exit_code() == 0
