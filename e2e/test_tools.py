"""Calls of functions over a socket: a model that follows a script, and the real one."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

import groq
from e2e.conftest import ROOT, Server, galop_serve
from groq import AsyncGroq, Groq

# Any in this module: tools and messages are JSON.

WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "hours": {"type": "array", "items": {"type": "integer"}, "maxItems": 4},
    },
    "required": ["city", "unit"],
    "additionalProperties": False,
}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "now", "description": "What time it is."}},
]
SCHEMAS = {"get_weather": WEATHER, "now": {"type": "object", "maxProperties": 0}}
QUESTION: Any = {"role": "user", "content": "What is the weather in Paris?"}
MODEL = "llama3-8b-8192"

SCRIPT = (
    'Let me look.\n<tool_call>\n{"name": "get_weather", "arguments": '
    '{"city": "Paris", "unit": "celsius"}}\n</tool_call>'
)


@pytest.fixture(scope="module")
def scripted() -> Iterator[Groq]:
    with galop_serve("--model", f"scripted:{SCRIPT}") as server:
        yield Groq(base_url=server.base_url, api_key="gsk_test")


def test_a_call_in_one_piece_and_streamed(scripted: Groq) -> None:
    """The same text, the same call."""
    completion = scripted.chat.completions.create(
        model="scripted", messages=[QUESTION], tools=TOOLS, temperature=0
    )
    (choice,) = completion.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Let me look."
    (call,) = choice.message.tool_calls or []
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Paris", "unit": "celsius"}

    chunks = list(
        scripted.chat.completions.create(
            model="scripted", messages=[QUESTION], tools=TOOLS, temperature=0, stream=True
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    (delta,) = [chunk.choices[0].delta for chunk in chunks if chunk.choices[0].delta.tool_calls]
    (streamed,) = delta.tool_calls or []
    assert text == "Let me look."
    assert streamed.index == 0
    assert streamed.function is not None
    assert streamed.function.arguments == call.function.arguments
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_message_goes_back_as_it_came(scripted: Groq) -> None:
    """With a result behind it; a result that answers nothing is refused."""
    completion = scripted.chat.completions.create(
        model="scripted", messages=[QUESTION], tools=TOOLS, temperature=0
    )
    message: Any = completion.choices[0].message
    result: Any = {
        "role": "tool",
        "tool_call_id": message.tool_calls[0].id,
        "content": "18 degrees",
    }
    messages: list[Any] = [QUESTION, message, result]
    again = scripted.chat.completions.create(
        model="scripted", messages=messages, tools=TOOLS, tool_choice="none"
    )
    assert again.choices[0].message.content == SCRIPT

    with pytest.raises(groq.BadRequestError, match=r"messages\.1\.tool_call_id"):
        scripted.chat.completions.create(model="scripted", messages=[QUESTION, result])


def test_the_older_form(scripted: Groq) -> None:
    """`functions` in, `function_call` out."""
    completion = scripted.chat.completions.create(
        model="scripted",
        messages=[QUESTION],
        functions=[TOOLS[0]["function"]],
        function_call={"name": "get_weather"},
        temperature=0,
    )
    (choice,) = completion.choices
    assert choice.finish_reason == "function_call"
    assert choice.message.function_call is not None
    assert choice.message.function_call.name == "get_weather"


def test_reasoning_is_refused_by_a_model_that_does_none(scripted: Groq) -> None:
    """By name; to ask for none is to ask for what there is."""
    refused: tuple[dict[str, Any], ...] = (
        {"reasoning_format": "parsed"},
        {"reasoning_effort": "high"},
    )
    for parameters in refused:
        (name,) = parameters
        with pytest.raises(groq.BadRequestError, match=name):
            scripted.chat.completions.create(
                model="scripted", messages=[QUESTION], extra_body=parameters
            )
    answer = scripted.chat.completions.create(
        model="scripted", messages=[QUESTION], extra_body={"include_reasoning": False}
    )
    assert answer.choices[0].message.content == SCRIPT


async def calls_of(
    client: AsyncGroq, *, budget: int, temperature: float, seed: int, choice: Any
) -> tuple[list[tuple[str, str]], str, int]:
    """Names and arguments, the reason of the end, and the tokens taken."""
    completion = await client.chat.completions.create(
        model=MODEL,
        messages=[QUESTION],
        tools=TOOLS,
        tool_choice=choice,
        max_tokens=budget,
        temperature=temperature,
        seed=seed,
        stop=["}", "city"],
    )
    (answer,) = completion.choices
    calls = [(c.function.name, c.function.arguments) for c in answer.message.tool_calls or []]
    assert completion.usage is not None
    return calls, str(answer.finish_reason), completion.usage.completion_tokens


@pytest.mark.model
@pytest.mark.parametrize("temperature", [0.0, 1.0, 2.0])
async def test_every_call_is_valid_within_any_budget(server: Server, temperature: float) -> None:
    """Required, forced and free; hot or cold; the stop sequences are in every call."""
    choices: list[Any] = ["required", {"type": "function", "function": {"name": "get_weather"}}]
    asked = [
        (budget, choice, seed)
        for budget in (40, 48, 64, 120)
        for choice in choices
        for seed in range(2)
    ]
    async with AsyncGroq(base_url=server.base_url, api_key="gsk_test", timeout=300) as client:
        answers = await asyncio.gather(
            *(
                calls_of(client, budget=budget, temperature=temperature, seed=seed, choice=choice)
                for budget, choice, seed in asked
            )
        )
    for (budget, choice, _), (calls, reason, num_tokens) in zip(asked, answers, strict=True):
        assert calls
        assert num_tokens <= budget
        assert reason in ("tool_calls", "length")
        for name, arguments in calls:
            jsonschema_rs.validate(SCHEMAS[name], json.loads(arguments))
        if choice != "required":
            assert [name for name, _ in calls] == ["get_weather"]


@pytest.mark.model
async def test_a_budget_without_room_for_a_call_is_refused(server: Server) -> None:
    """Before anything is generated, with the number that would do."""
    async with AsyncGroq(base_url=server.base_url, api_key="gsk_test") as client:
        with pytest.raises(groq.BadRequestError, match="smallest one takes.*tool_use_failed"):
            await calls_of(client, budget=5, temperature=0, seed=0, choice="required")


@pytest.mark.model
def test_the_program_of_the_page_runs(server: Server) -> None:
    """docs/tools.md, as printed."""
    page = (ROOT / "docs" / "tools.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
