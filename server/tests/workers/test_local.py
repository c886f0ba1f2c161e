"""An engine on a thread of the test's process."""

from __future__ import annotations

import asyncio

import pytest

from galop.protocol.errors import EngineUnavailableError
from galop.protocol.events import Finished, Tokens
from galop.protocol.requests import GenerationRequest, SamplingParams
from galop.testing import ScriptedModel, ScriptedTokenizer
from galop.workers.local import LocalEngine

tokenizer = ScriptedTokenizer()


def request(name: str, text: str) -> GenerationRequest:
    prompt = f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    return GenerationRequest(
        request_id=name,
        prompt_token_ids=tokenizer.encode(prompt),
        max_tokens=200,
        sampling=SamplingParams(temperature=0.0),
    )


async def test_requests_are_answered_while_it_is_entered() -> None:
    """Before and after, they are refused."""
    engine = LocalEngine(ScriptedModel())
    with pytest.raises(EngineUnavailableError):
        engine.submit(request("early", "x"))
    async with engine:
        events = [event async for event in engine.submit(request("r", "hello"))]
    token_ids = [t for event in events if isinstance(event, Tokens) for t in event.token_ids]
    assert tokenizer.decode(token_ids) == "hello"
    with pytest.raises(EngineUnavailableError, match="stopped"):
        engine.submit(request("late", "x"))


async def test_a_cancelled_request_gives_its_slot_to_the_next() -> None:
    """The only slot."""
    async with LocalEngine(ScriptedModel(num_slots=1, step_time_s=0.001)) as engine:
        first = engine.submit(request("first", "x" * 190))
        await anext(first)
        first.close()
        async with asyncio.timeout(10):
            events = [event async for event in engine.submit(request("second", "ok"))]
        assert isinstance(events[-1], Finished)
        assert [event async for event in first if isinstance(event, Finished)] == []
