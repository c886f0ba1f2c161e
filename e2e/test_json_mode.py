"""JSON mode keeps its promise: every answer is one whole JSON object, at any budget."""

from __future__ import annotations

import asyncio
import json

import pytest

from e2e.conftest import Server
from groq import AsyncGroq

pytestmark = pytest.mark.model

MODEL = "llama3-8b-8192"
BUDGETS = [1, 2, 3, 5, 9, 17, 30, 60]
TEMPERATURES = [0.0, 1.0, 2.0]


async def document_of(
    client: AsyncGroq, *, max_tokens: int, temperature: float, seed: int, stream: bool
) -> tuple[str, str | None, int, bool]:
    """The text, its finish_reason, its completion tokens, and whether the budget closed it."""
    completions = client.chat.completions.with_raw_response
    response = await completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "A recipe with ingredients, as a JSON object."}],
        response_format={"type": "json_object"},
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
        stream=False,
    )
    body = json.loads(await response.text())
    (choice,) = body["choices"]
    if stream:
        chunks = await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "A recipe with ingredients, as a JSON object."}],
            response_format={"type": "json_object"},
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
            stream=True,
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
        assert text == choice["message"]["content"]
    return (
        choice["message"]["content"],
        choice["finish_reason"],
        body["usage"]["completion_tokens"],
        body["x_groq"].get("json_completed", False),
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
async def test_every_answer_is_a_json_object_within_its_budget(
    server: Server, temperature: float
) -> None:
    """From one token on, cold or hot, streamed or not; `length` says that it was cut short."""
    async with AsyncGroq(base_url=server.base_url, api_key="gsk_test", timeout=120) as client:
        answers = await asyncio.gather(
            *(
                document_of(
                    client,
                    max_tokens=budget,
                    temperature=temperature,
                    seed=seed,
                    stream=seed == 0,
                )
                for budget in BUDGETS
                for seed in range(3)
            )
        )

    budgets = [budget for budget in BUDGETS for _ in range(3)]
    for budget, (text, reason, num_tokens, is_completed) in zip(budgets, answers, strict=True):
        assert isinstance(json.loads(text), dict), text
        assert num_tokens <= budget
        assert is_completed == (reason == "length")
    assert {reason for _, reason, _, _ in answers} <= {"stop", "length"}
