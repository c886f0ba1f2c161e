"""The supervisor of an engine process: real processes, a scripted model."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from galop.protocol.errors import (
    EngineDiedError,
    EngineUnavailableError,
    RequestQuarantinedError,
)
from galop.protocol.events import Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest, SamplingParams
from galop.testing import ScriptedTokenizer
from galop.workers.client import Generation
from galop.workers.messages import EngineConfig
from galop.workers.supervisor import EngineProcess, EngineStartError

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
    model: str = "scripted:",
    *,
    num_slots: int = 4,
    crash_retries: int = 2,
    hang_timeout_s: float = 60.0,
) -> AsyncIterator[EngineProcess]:
    engine = EngineProcess(
        CHILD,
        config(model, num_slots),
        crash_retries=crash_retries,
        hang_timeout_s=hang_timeout_s,
    )
    engine.launch()
    try:
        await engine.wait_until_ready()
        yield engine
    finally:
        await engine.stop()


def kill(engine: EngineProcess) -> None:
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def text_of(generation: Generation) -> str:
    token_ids: list[int] = []
    async for event in generation:
        if isinstance(event, Tokens):
            token_ids += event.token_ids
    return tokenizer.decode(token_ids)


async def test_a_request_is_answered_by_another_process() -> None:
    """Prefilled, tokens, finished, in that order, and nothing left afterwards."""
    async with running() as engine:
        events = [event async for event in engine.client.submit(request("r", "hello"))]

    assert isinstance(events[0], Prefilled)
    assert isinstance(events[-1], Finished)
    assert (
        tokenizer.decode([t for e in events if isinstance(e, Tokens) for t in e.token_ids])
        == "hello"
    )
    assert engine.client.is_idle


async def test_concurrent_requests_get_their_own_answers() -> None:
    """Twelve at once through four slots."""
    async with running() as engine:
        generations = [engine.client.submit(request(f"r{i}", f"answer {i}")) for i in range(12)]
        answers = await asyncio.gather(*(text_of(generation) for generation in generations))

    assert answers == [f"answer {i}" for i in range(12)]


async def test_a_closed_generation_frees_its_slot() -> None:
    """With one slot, the second request is served as soon as the first is closed."""
    async with running(num_slots=1) as engine:
        first = engine.client.submit(request("first", "x" * 400))
        await anext(first)
        first.close()
        answer = await asyncio.wait_for(text_of(engine.client.submit(request("second", "ok"))), 5)

    assert answer == "ok"
    assert [event async for event in first if isinstance(event, Finished)] == []


async def test_the_step_descriptor_exists_while_an_engine_is_available() -> None:
    """Not while it restarts."""
    async with running() as engine:
        descriptor = engine.step_descriptor()
        assert descriptor is not None
        kill(engine)
        await until(lambda: engine.readiness() is not None)
        assert engine.step_descriptor() is None
        await until(lambda: engine.readiness() is None)
        assert engine.step_descriptor() is not None


async def test_requests_continue_on_the_next_engine_after_a_kill() -> None:
    """New requests are refused meanwhile. No token is delivered twice or left out."""
    answers = [f"{i}" * 150 for i in range(6)]
    async with running() as engine:
        generations = [
            engine.client.submit(request(f"r{i}", each)) for i, each in enumerate(answers)
        ]
        started = [await anext(generations[0]), await anext(generations[0])]
        kill(engine)
        reading = asyncio.gather(*(text_of(generation) for generation in generations))
        await until(lambda: engine.readiness() is not None)
        with pytest.raises(EngineUnavailableError):
            engine.client.submit(request("too-early", "x"))
        texts = await asyncio.wait_for(reading, 20)

    assert isinstance(started[0], Prefilled)
    assert isinstance(started[1], Tokens)
    assert [tokenizer.decode(started[1].token_ids) + texts[0], *texts[1:]] == answers
    assert engine.num_restarts == 1


async def test_prefilled_is_delivered_once_though_the_prompt_was_computed_twice() -> None:
    """So is the end."""
    async with running() as engine:
        generation = engine.client.submit(request("r", "x" * 150))
        events = [await anext(generation), await anext(generation)]
        kill(engine)
        events += [event async for event in generation]

    assert [type(event) for event in events if not isinstance(event, Tokens)] == [
        Prefilled,
        Finished,
    ]


async def test_choices_that_ended_before_the_engine_died_stay_ended() -> None:
    """A cancelled choice is not run again; the other one is complete."""
    async with running() as engine:
        generation = engine.client.submit(request("r", "y" * 150, num_choices=2))
        await anext(generation)
        generation.cancel_choice(1)
        kill(engine)
        tokens = [event async for event in generation if isinstance(event, Tokens)]
        await until(lambda: engine.stats.num_running == engine.stats.num_waiting == 0)

    assert (
        tokenizer.decode([t for e in tokens if e.choice_index == 0 for t in e.token_ids])
        == "y" * 150
    )


async def test_a_request_that_was_closed_without_an_engine_does_not_run_on_the_next() -> None:
    """The next request gets the only slot."""
    async with running(num_slots=1) as engine:
        left, stayed = (engine.client.submit(request(name, name * 20)) for name in ("left", "stay"))
        await anext(left)
        kill(engine)
        await until(lambda: engine.readiness() is not None)
        left.close()
        assert await text_of(stayed) == "stay" * 20
        assert engine.client.is_idle


async def test_a_request_that_kills_the_engine_fails_and_is_refused_afterwards() -> None:
    """All others are answered."""
    async with running() as engine:
        good = [engine.client.submit(request(f"g{i}", "fine " * 20)) for i in range(3)]
        bad = engine.client.submit(request("bad", "die now"))
        reading = asyncio.gather(*(text_of(generation) for generation in good))
        with pytest.raises(EngineDiedError) as caught:
            await text_of(bad)
        texts = await asyncio.wait_for(reading, 20)
        await until(lambda: engine.readiness() is None)
        with pytest.raises(RequestQuarantinedError):
            engine.client.submit(request("again", "die now"))
        assert await text_of(engine.client.submit(request("other", "well"))) == "well"

    assert texts == [("fine " * 20).strip()] * 3
    assert caught.value.exit_code == 7
    assert engine.num_restarts == 3


async def test_without_retries_requests_in_flight_fail_when_the_engine_dies() -> None:
    """A request with the same prompt is answered afterwards."""
    async with running(crash_retries=0) as engine:
        generation = engine.client.submit(request("r", "x" * 150))
        await anext(generation)
        kill(engine)
        with pytest.raises(EngineDiedError) as caught:
            await text_of(generation)
        await until(lambda: engine.readiness() is None)
        assert await text_of(engine.client.submit(request("again", "x" * 150))) == "x" * 150

    assert caught.value.exit_code == -signal.SIGKILL


async def test_an_engine_that_hangs_is_killed_and_its_request_fails() -> None:
    """No step within the timeout counts as a death, and idle time does not."""
    async with running(hang_timeout_s=0.5) as engine:
        await asyncio.sleep(1)
        assert engine.num_restarts == 0
        bad = engine.client.submit(request("bad", "hang now"))
        good = engine.client.submit(request("good", "z" * 150))
        with pytest.raises(EngineDiedError):
            await asyncio.wait_for(text_of(bad), 20)
        assert await text_of(good) == "z" * 150


@pytest.mark.parametrize(
    ("model", "reason"),
    [("refuse", "no such model"), ("raise", "a bug"), ("exit", "exit code 3")],
)
async def test_an_engine_that_cannot_start_reports_the_reason(model: str, reason: str) -> None:
    """In one line. It is not started again."""
    engine = EngineProcess(CHILD, config(model))
    engine.launch()
    try:
        with pytest.raises(EngineStartError, match=reason):
            await engine.wait_until_ready()
    finally:
        await engine.stop()
    assert engine.num_restarts == 0


async def test_stopping_does_not_wait_for_the_next_restart() -> None:
    """Which is a minute away."""
    engine = EngineProcess(CHILD, config(), first_backoff_s=60.0)
    engine.launch()
    await engine.wait_until_ready()
    kill(engine)
    await until(lambda: engine.pid is None)
    await asyncio.wait_for(engine.stop(), 10)
    assert engine.readiness() == "the server is stopping"


async def test_stopping_ends_requests_with_an_error_and_the_process() -> None:
    """The process has ended when `stop` returns."""
    async with running() as engine:
        pid = engine.pid
        generation = engine.client.submit(request("r", "x" * 400))
        await anext(generation)
        await engine.stop()
        with pytest.raises(EngineUnavailableError):
            await text_of(generation)

    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_engine_ends_when_the_server_vanishes() -> None:
    """The server is killed while the engine runs a request."""
    script = (
        "import asyncio, os, sys; sys.path.insert(0, sys.argv[1]); import test_supervisor as t\n"
        "async def main():\n"
        "    engine = t.EngineProcess(t.CHILD, t.config()); engine.launch()\n"
        "    await engine.wait_until_ready(); engine.client.submit(t.request('r', 'x' * 1000))\n"
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
