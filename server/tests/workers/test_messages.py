"""Commands and reports survive the way through a frame; so do the types of `protocol` inside them."""

from __future__ import annotations

import msgspec
import pytest

from galop.protocol.constraints import CallSyntax, ConstraintSpec, Thinking, ToolCalls, ToolSpec
from galop.protocol.events import (
    EngineEvent,
    EngineStats,
    Failed,
    Finished,
    Prefilled,
    TokenLogprob,
    Tokens,
)
from galop.protocol.requests import GenerationRequest, SamplingParams
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
    decode_report,
    frame,
)

SYNTAX = CallSyntax(begin="[", before_arguments=",", end="]", trigger="<tool>", trigger_token_id=3)
REQUEST = GenerationRequest(
    request_id="r",
    prompt_token_ids=[1, 2, 3],
    max_tokens=7,
    num_choices=2,
    sampling=SamplingParams(seed=2**64 - 1, logit_bias={4: -1.5}, num_logprobs=3),
    constraint=ConstraintSpec(
        schema='{"type": "object"}',
        tool_calls=ToolCalls(
            tools=(ToolSpec(name="f", parameters="{}"),),
            syntax=SYNTAX,
            is_required=True,
            max_calls=2,
        ),
        thinking=Thinking(end="</think>", max_tokens=9),
    ),
    key_id="key",
    service_tier="flex",
)
CONFIG = EngineConfig(
    model="m.gguf",
    num_slots=2,
    context_window=64,
    num_threads=2,
    threads_by_rows={1: 1, 8: 2},
    prefill_chunk=16,
    log_level="info",
    log_format="json",
)
EVENTS: list[EngineEvent] = [
    Prefilled(request_id="r", queue_time_s=0.25, prompt_time_s=0.5, num_cached_tokens=16),
    Tokens(
        request_id="r",
        choice_index=1,
        token_ids=[5],
        logprobs=[TokenLogprob(5, -0.5, [(5, -0.5), (6, -1.0)], -0.25)],
    ),
    Finished(
        request_id="r",
        choice_index=1,
        finish_reason="length",
        num_completion_tokens=1,
        completion_time_s=0.5,
        is_constraint_satisfied=False,
    ),
    Failed(request_id="s", kind="budget", detail="why", num_tokens_needed=9, num_tokens=5),
]


def body_of(data: bytes) -> bytes:
    header, body = data[: HEADER.size], data[HEADER.size :]
    assert HEADER.unpack(header) == (len(body),)
    return body


@pytest.mark.parametrize(
    "command", [Start(CONFIG), Submit(REQUEST), Cancel("r", 1), Cancel("r"), Stop()]
)
def test_a_command_is_decoded_as_it_was_sent(command: Command) -> None:
    assert decode_command(body_of(frame(command))) == command


@pytest.mark.parametrize(
    "report",
    [Ready(), StartFailed("model", "no such file"), Step(EVENTS, EngineStats(1, 2, 3, 4, 5, 6))],
)
def test_a_report_is_decoded_as_it_was_sent(report: Report) -> None:
    assert decode_report(body_of(frame(report))) == report


@pytest.mark.parametrize("body", [b"", b"\xc1", body_of(frame(Ready())), b"\x81\xa4type\xa1x"])
def test_what_is_no_command_is_refused(body: bytes) -> None:
    """Reports included."""
    with pytest.raises(msgspec.DecodeError):
        decode_command(body)
