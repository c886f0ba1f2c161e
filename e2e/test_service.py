"""The service under company: many clients, some of whom leave, and an engine that dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

import groq
from e2e.conftest import Server, galop_serve
from groq import AsyncGroq

pytestmark = pytest.mark.model

MODEL = "llama3-8b-8192"
LONG_PROMPT = "The quick brown fox jumps over the lazy dog. " * 200  # about 2,000 tokens


@asynccontextmanager
async def client_of(server: Server, max_retries: int = 0) -> AsyncIterator[AsyncGroq]:
    async with AsyncGroq(
        base_url=server.base_url, api_key="gsk_test", max_retries=max_retries, timeout=120
    ) as client:
        yield client


async def stream_text(client: AsyncGroq, question: str, seed: int, max_tokens: int = 12) -> str:
    stream = await client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": question}],
        temperature=0.8,
        top_p=0.95,
        seed=seed,
        max_tokens=max_tokens,
        stream=True,
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def whole_text(client: AsyncGroq, question: str, seed: int, max_tokens: int = 12) -> str:
    completion = await client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": question}],
        temperature=0.8,
        top_p=0.95,
        seed=seed,
        max_tokens=max_tokens,
    )
    return completion.choices[0].message.content or ""


async def until_idle(server: Server, timeout_s: float = 10) -> None:
    """Wait until the engine reports that nothing runs and nothing waits."""
    deadline = time.monotonic() + timeout_s
    while True:
        load = await asyncio.to_thread(server.load)
        if load.get("running") == 0 and load.get("waiting") == 0:
            return
        assert time.monotonic() < deadline, load
        await asyncio.sleep(0.05)


async def test_seventeen_clients_get_what_they_would_get_alone(server: Server) -> None:
    """Sixteen streams and a 2,000-token prompt at once: the same bytes as one after the other."""
    questions = [f"What is {i} plus {i}? Explain." for i in range(16)] + [LONG_PROMPT]
    async with client_of(server) as client:
        alone = [await whole_text(client, question, i) for i, question in enumerate(questions)]
        together = await asyncio.gather(
            *(stream_text(client, question, i) for i, question in enumerate(questions))
        )

    assert together == alone
    assert len(set(together[:16])) > 8


async def test_clients_that_leave_free_their_sequences(server: Server) -> None:
    """Half of sixteen streams are dropped in the middle; the others finish, nothing stays."""
    async with client_of(server) as client:

        async def read(index: int) -> int:
            stream = await client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": f"Tell story number {index}."}],
                max_tokens=40,
                logit_bias={"0": -100, "2": -100},
                stream=True,
            )
            num_chunks = 0
            async for _ in stream:
                num_chunks += 1
                if index % 2 and num_chunks == 4:
                    await stream.close()
                    break
            return num_chunks

        counts = await asyncio.gather(*(read(index) for index in range(16)))

    assert all(count == 4 for count in counts[1::2])
    assert all(count > 30 for count in counts[::2])
    await until_idle(server)


async def test_a_client_that_leaves_before_the_answer_frees_its_sequence(server: Server) -> None:
    """Not streamed, the connection closed while the answer is being made."""
    async with client_of(server) as client:
        with pytest.raises(groq.APITimeoutError):
            await client.with_options(timeout=0.5).chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": "Tell a very long story."}],
                max_tokens=2000,
                logit_bias={"0": -100, "2": -100},
            )
    await until_idle(server)


@pytest.mark.parametrize(
    ("question", "seconds"),
    [("Count to one thousand, in words.", "1.5"), ("word " * 6000, "0.3")],
    ids=["decode", "prefill"],
)
async def test_a_deadline_frees_the_sequence(server: Server, question: str, seconds: str) -> None:
    """A 504 that the SDK does not repeat, and nothing left behind in the engine."""
    async with client_of(server, max_retries=2) as client:
        started_s = time.monotonic()
        with pytest.raises(groq.InternalServerError, match="not finished within") as caught:
            await client.chat.completions.create(
                model="llama3-8b-8192",
                messages=[{"role": "user", "content": question}],
                max_tokens=1000,
                seed=1,
                n=8,
                extra_headers={"x-request-timeout": seconds},
            )
    assert caught.value.status_code == 504
    assert time.monotonic() - started_s < 10
    await until_idle(server)


async def test_a_common_prefix_is_paid_for_once(server: Server) -> None:
    """Clients that arrive together with one system prompt: all but the first find it cached."""
    system = "You are a careful assistant who answers in one word. " * 20 + str(time.time_ns())
    async with client_of(server) as client:
        completions = await asyncio.gather(
            *(
                client.chat.completions.create(
                    model=MODEL,
                    messages=[
                        {"role": "system", "content": system},
                        {"role": "user", "content": f"Question {i}"},
                    ],
                    max_tokens=2,
                )
                for i in range(6)
            )
        )

    cached = []
    for completion in completions:
        assert completion.usage is not None
        details = completion.usage.prompt_tokens_details
        cached.append(details.cached_tokens if details is not None else 0)
    assert sorted(cached)[0] < 50
    assert all(count > 150 for count in sorted(cached)[1:])


async def test_short_prompts_are_answered_while_a_long_one_is_computed(server: Server) -> None:
    """One after the other, three whole answers come before the first token of a prompt of 4,000 tokens."""
    events: list[str] = []

    async def ask(client: AsyncGroq, name: str, question: str) -> None:
        await stream_text(client, question, seed=1, max_tokens=1)
        events.append(name)

    async with client_of(server) as client:
        long = asyncio.create_task(ask(client, "long", f"{time.time_ns()} {LONG_PROMPT * 2}"))
        while server.load()["running"] != 1:
            await asyncio.sleep(0.02)
        for name in ("one", "two", "three"):
            await ask(client, name, f"What is the next number after {name}? {time.time_ns()}")
        await long

    assert events == ["one", "two", "three", "long"]


async def test_choices_are_independent_and_reproducible(server: Server) -> None:
    """n answers from one prompt: different from each other, the same the next time."""
    async with client_of(server) as client:

        async def ask() -> list[str | None]:
            completion = await client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": "Name an animal and describe it."}],
                n=3,
                seed=11,
                temperature=1.0,
                max_tokens=12,
            )
            assert completion.usage is not None
            assert completion.usage.completion_tokens > 12
            return [choice.message.content for choice in completion.choices]

        first, second = await ask(), await ask()

    assert first == second
    assert len(set(first)) == 3


async def test_errors_arrive_as_the_sdk_promises(server: Server) -> None:
    """Unknown model, too long a prompt, a field that is refused."""
    message = {"role": "user", "content": "hi"}
    async with client_of(server) as client:
        with pytest.raises(groq.NotFoundError, match="model_not_found"):
            await client.chat.completions.create(model="gpt-4", messages=[message])  # type: ignore[list-item]  # a plain dict on purpose
        with pytest.raises(groq.BadRequestError, match="context_length_exceeded"):
            await whole_text(client, LONG_PROMPT * 6, seed=1)
        with pytest.raises(groq.BadRequestError, match="tools"):
            await client.chat.completions.create(
                model=MODEL,
                messages=[message],  # type: ignore[list-item]  # likewise
                tools=[{"type": "function", "function": {"name": "no spaces please"}}],
            )


def engine_pid(server: Server) -> int:
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    (engine,) = [
        child for child in children if b"engine_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    return int(engine)


Body = dict[str, object]
BODIES: dict[str, Body] = {
    "greedy": {"temperature": 0, "max_tokens": 24},
    "seeded": {"temperature": 1, "seed": 7, "max_tokens": 24},
    "penalised": {"temperature": 0.8, "seed": 3, "frequency_penalty": 0.5, "max_tokens": 24},
    "document": {"seed": 5, "max_tokens": 24, "response_format": {"type": "json_object"}},
}


async def chunks_of(
    client: httpx.AsyncClient, body: Body, at_chunk: Callable[[int], None] = lambda _: None
) -> list[object]:
    """What one stream says: text and finish reason of each chunk, joined where text follows text."""
    said: list[object] = [""]
    message = {"role": "user", "content": "Describe a lighthouse as a JSON object, then a storm."}
    request = {"model": MODEL, "messages": [message], "stream": True} | body
    num_chunks = 0
    async with client.stream("POST", "/v1/chat/completions", json=request) as response:
        assert response.status_code == 200, await response.aread()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            event = json.loads(line.removeprefix("data: "))
            assert "error" not in event, event
            for choice in event["choices"]:
                said[0] = str(said[0]) + (choice["delta"].get("content") or "")
                said += [choice["finish_reason"]] if choice["finish_reason"] else []
            num_chunks += 1
            at_chunk(num_chunks)
    return said


async def test_a_killed_engine_is_a_pause_and_the_same_bytes() -> None:
    """kill -9 while requests wait, prefill, have their first token, are half done, almost done."""
    with galop_serve("--max-sequences", "3", "--crash-retries", "10") as server:
        async with httpx.AsyncClient(base_url=server.base_url, timeout=120) as client:
            undisturbed = {name: await chunks_of(client, body) for name, body in BODIES.items()}

            async def all_at_once(kill_at: int) -> list[list[object]]:
                def kill(num_chunks: int) -> None:
                    if num_chunks == kill_at:
                        os.kill(engine_pid(server), signal.SIGKILL)

                names = list(BODIES)
                tasks = [asyncio.create_task(chunks_of(client, BODIES[names[0]], kill))]
                tasks += [
                    asyncio.create_task(chunks_of(client, BODIES[each])) for each in names[1:]
                ]
                if not kill_at:
                    await asyncio.sleep(0.05)
                    os.kill(engine_pid(server), signal.SIGKILL)
                return await asyncio.gather(*tasks)

            for kill_at in (0, 2, 12, 23):
                assert await all_at_once(kill_at) == list(undisturbed.values()), kill_at
                while (await client.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.05)
            load = await asyncio.to_thread(server.load)
    assert (load["running"], load["waiting"]) == (0, 0)
