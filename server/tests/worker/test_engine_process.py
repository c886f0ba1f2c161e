"""The engine across a process border: real processes, a scripted model."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from galop.engine import GenerationRequest, SamplingParams
from galop.engine.errors import EngineDiedError, EngineUnavailableError, QueueFullError
from galop.engine.generation import Finished, Prefilled, Tokens
from galop.testing import ScriptedTokenizer
from galop.worker import EngineProcess, EngineStartError
from galop.worker.handle import Generation
from galop.worker.protocol import EngineConfig

CHILD = (sys.executable, str(Path(__file__).with_name("scripted_child.py")))
tokenizer = ScriptedTokenizer()


def config(model: str = "scripted:", num_slots: int = 4) -> EngineConfig:
    return EngineConfig(
        model=model,
        num_slots=num_slots,
        context_window=2048,
        num_threads=1,
        prefill_chunk=128,
        log_level="error",
    )


def request(name: str, text: str, **options: int) -> GenerationRequest:
    return GenerationRequest(
        request_id=name,
        prompt_token_ids=tokenizer.encode(
            f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
        ),
        max_tokens=options.pop("max_tokens", 200),
        sampling=SamplingParams(temperature=0.0),
        **options,  # type: ignore[arg-type]  # a test's shorthand
    )


@asynccontextmanager
async def running(
    model: str = "scripted:", *, num_slots: int = 4, max_waiting: int = 100
) -> AsyncIterator[EngineProcess]:
    engine = EngineProcess(CHILD, config(model, num_slots), max_waiting=max_waiting)
    engine.launch()
    try:
        await engine.wait_until_ready()
        yield engine
    finally:
        await engine.stop()


async def text_of(generation: Generation) -> str:
    token_ids: list[int] = []
    async for event in generation:
        if isinstance(event, Tokens):
            token_ids += event.token_ids
    return tokenizer.decode(token_ids)


async def test_a_request_crosses_the_border_and_back() -> None:
    """Prefilled, tokens, finished, in that order, and nothing left afterwards."""
    async with running() as engine:
        events = [event async for event in engine.generate(request("r", "hello"))]

    assert isinstance(events[0], Prefilled)
    assert isinstance(events[-1], Finished)
    assert (
        tokenizer.decode([t for e in events if isinstance(e, Tokens) for t in e.token_ids])
        == "hello"
    )
    assert engine.num_open_choices == 0


async def test_concurrent_requests_get_their_own_answers() -> None:
    """Twelve at once through four slots."""
    async with running() as engine:
        generations = [engine.generate(request(f"r{i}", f"answer {i}")) for i in range(12)]
        answers = await asyncio.gather(*(text_of(generation) for generation in generations))

    assert answers == [f"answer {i}" for i in range(12)]


async def test_a_closed_generation_frees_its_slot() -> None:
    """With one slot, the second request is served as soon as the first is closed."""
    async with running(num_slots=1) as engine:
        first = engine.generate(request("first", "x" * 400))
        await anext(first)
        first.close()
        answer = await asyncio.wait_for(text_of(engine.generate(request("second", "ok"))), 5)

    assert answer == "ok"
    assert [event async for event in first if isinstance(event, Finished)] == []


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    """The bound counts choices that run or wait; the error carries the numbers."""
    async with running(num_slots=1, max_waiting=2) as engine:
        kept = [engine.generate(request(f"r{i}", "x" * 100)) for i in range(3)]
        with pytest.raises(QueueFullError) as caught:
            engine.generate(request("more", "x"))
        for generation in kept:
            generation.close()
        accepted = await text_of(engine.generate(request("now", "fine")))

    assert (caught.value.num_waiting, caught.value.limit) == (2, 2)
    assert caught.value.retry_after_s >= 1
    assert accepted == "fine"


async def test_the_queue_is_bounded_in_prompt_tokens_too() -> None:
    """A long prompt is refused while others wait to be computed, and taken when nobody does."""
    engine = EngineProcess(CHILD, config(num_slots=1), max_waiting=100, max_waiting_tokens=500)
    engine.launch()
    await engine.wait_until_ready()
    try:
        kept = [engine.generate(request(f"r{i}", "x" * 150)) for i in range(2)]
        with pytest.raises(QueueFullError) as caught:
            engine.generate(request("more", "x" * 150))
        for generation in kept:
            await text_of(generation)
        alone = await text_of(engine.generate(request("alone", "y" * 600)))
    finally:
        await engine.stop()

    assert (caught.value.unit, caught.value.limit) == ("prompt tokens", 500)
    assert caught.value.num_waiting == sum(len(each.request.prompt_token_ids) for each in kept)
    assert alone == "y" * 200


async def test_a_dead_engine_fails_what_was_in_flight_and_comes_back() -> None:
    """kill -9: a clear error for those in flight, refusals meanwhile, then service again."""
    async with running() as engine:
        generation = engine.generate(request("r", "x" * 400))
        await anext(generation)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(EngineDiedError) as caught:
            await text_of(generation)
        assert engine.readiness() is not None
        with pytest.raises(EngineUnavailableError):
            engine.generate(request("too-early", "x"))
        async with asyncio.timeout(10):
            while engine.readiness() is not None:
                await asyncio.sleep(0.02)
        answer = await text_of(engine.generate(request("after", "back")))

    assert caught.value.exit_code == -signal.SIGKILL
    assert answer == "back"
    assert engine.num_restarts == 1


async def test_an_engine_that_dies_of_a_request_comes_back() -> None:
    """The process ends in the middle of a step; the next request is served."""
    async with running() as engine:
        with pytest.raises(EngineDiedError) as caught:
            await text_of(engine.generate(request("r", "die now")))
        async with asyncio.timeout(10):
            while engine.readiness() is not None:
                await asyncio.sleep(0.02)
        assert await text_of(engine.generate(request("after", "back"))) == "back"

    assert caught.value.exit_code == 7


@pytest.mark.parametrize(
    ("model", "reason"),
    [("refuse", "no such model"), ("raise", "a bug"), ("exit", "exit code 3")],
)
async def test_an_engine_that_cannot_start_says_why(model: str, reason: str) -> None:
    """One line, and no second try: the fault would be the same."""
    engine = EngineProcess(CHILD, config(model))
    engine.launch()
    try:
        with pytest.raises(EngineStartError, match=reason):
            await engine.wait_until_ready()
    finally:
        await engine.stop()
    assert engine.num_restarts == 0


async def test_stopping_ends_requests_with_an_error_and_the_process() -> None:
    """Nobody waits for ever, and no process is left."""
    async with running() as engine:
        pid = engine.pid
        generation = engine.generate(request("r", "x" * 400))
        await anext(generation)
        await engine.stop()
        with pytest.raises(EngineUnavailableError):
            await text_of(generation)

    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_engine_ends_when_the_server_vanishes() -> None:
    """A server that was killed leaves no engine behind that keeps a core busy."""
    script = (
        "import asyncio, os, sys; sys.path.insert(0, sys.argv[1]); import test_engine_process as t\n"
        "async def main():\n"
        "    engine = t.EngineProcess(t.CHILD, t.config()); engine.launch()\n"
        "    await engine.wait_until_ready(); engine.generate(t.request('r', 'x' * 1000))\n"
        "    print(engine.pid, flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(Path(__file__).parent), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    pid = int(await server.stdout.readline())
    server.kill()
    await server.wait()

    async with asyncio.timeout(10):
        while _is_alive(pid):
            await asyncio.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
