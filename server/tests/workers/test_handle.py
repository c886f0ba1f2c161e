"""The server's side of an engine."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from galop.protocol.errors import EngineDiedError
from galop.protocol.events import Finished
from galop.protocol.requests import GenerationRequest
from galop.testing import ScriptedModel, ScriptedTokenizer
from galop.workers.handle import Generation
from galop.workers.local import LocalEngine


async def test_requests_that_end_in_one_error_each_tell_their_own_way_to_it() -> None:
    """Raising one exception many times must not pile up its traceback."""

    async def lengths() -> int:
        try:
            async for _ in engine.generate(request(f"req_{len(started)}")):
                pass
        except EngineDiedError as error:
            return len(traceback.extract_tb(error.__traceback__))
        pytest.fail("it did not end in the error")

    def request(request_id: str) -> GenerationRequest:
        started.append(request_id)
        return GenerationRequest(request_id=request_id, prompt_token_ids=[1, 2], max_tokens=500)

    started: list[str] = []
    async with LocalEngine(ScriptedModel("x" * 500, step_time_s=0.01)) as engine:
        waiting = [asyncio.create_task(lengths()) for _ in range(5)]
        while len(started) < 5:
            await asyncio.sleep(0)
        engine.fail_all(EngineDiedError(exit_code=-9))
        assert len(set(await asyncio.gather(*waiting))) == 1


async def test_open_choices_are_counted_however_they_end() -> None:
    """By themselves, cancelled one by one or together, or failed: the count is that of the queue bound."""

    def generate(name: str, num_choices: int, max_tokens: int) -> Generation:
        return engine.generate(
            GenerationRequest(
                request_id=name,
                prompt_token_ids=prompt,
                max_tokens=max_tokens,
                num_choices=num_choices,
            )
        )

    prompt = ScriptedTokenizer().encode("<|im_start|>assistant\n")
    async with LocalEngine(ScriptedModel("x" * 500, step_time_s=0.001)) as engine:
        finishing, cancelled, failing = (
            generate("a", 2, 5),
            generate("b", 3, 400),
            generate("c", 1, 400),
        )
        assert engine.num_open_choices == 6
        ended = [event async for event in finishing if isinstance(event, Finished)]
        assert (len(ended), engine.num_open_choices) == (2, 4)
        cancelled.cancel_choice(1)
        cancelled.cancel_choice(1)
        assert engine.num_open_choices == 3
        cancelled.close()
        cancelled.close()
        assert engine.num_open_choices == 1
        engine.fail_all(EngineDiedError(exit_code=-9))
        assert engine.num_open_choices == 0
        failing.close()
        assert engine.num_open_choices == 0
