"""The server's side of an engine."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from galop.engine.errors import EngineDiedError
from galop.engine.generation import GenerationRequest
from galop.testing import ScriptedModel
from galop.worker.local import LocalEngine


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
