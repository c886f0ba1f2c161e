"""Answers of a JSON Schema: whole and valid at any budget that can hold one, refused below."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import jsonschema_rs
import pytest

from e2e.conftest import ROOT, Server, galop_serve
from groq import AsyncGroq, BadRequestError

pytestmark = pytest.mark.model

MODEL = "llama3-8b-8192"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "founded": {"type": "integer", "minimum": 0, "maximum": 2100},
        "kind": {"enum": ["village", "town", "city"]},
        "rivers": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "seen": {"type": "string", "format": "date-time"},
    },
    "required": ["name", "founded", "kind"],
    "additionalProperties": False,
}
BUDGETS = [1, 5, 12, 16, 20, 30, 60, 120]


def asked(schema: Any = SCHEMA, *, strict: bool = True) -> Any:
    return {
        "type": "json_schema",
        "json_schema": {"name": "place", "schema": schema, "strict": strict},
    }


def is_valid(text: str, schema: Any = SCHEMA) -> bool:
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    return validator.is_valid(json.loads(text))


async def ask(client: AsyncGroq, **parameters: Any) -> Any:
    parameters.setdefault("response_format", asked())
    messages: Any = [{"role": "user", "content": "Tell me of a place you like."}]
    return await client.chat.completions.create(model=MODEL, messages=messages, **parameters)


@pytest.mark.parametrize("temperature", [0.0, 1.0, 2.0])
async def test_every_answer_is_valid_within_its_budget(server: Server, temperature: float) -> None:
    """Or refused beforehand, with the number of tokens that would do."""
    smallest = 0
    async with AsyncGroq(base_url=server.base_url, api_key="none", max_retries=0) as client:
        for seed, budget in enumerate(BUDGETS):
            if budget < smallest or not smallest:
                with pytest.raises(BadRequestError) as caught:
                    await ask(client, max_tokens=budget)
                assert caught.value.code == "json_validate_failed"
                smallest = int(re.findall(r"takes (\d+) tokens", str(caught.value))[0])
                assert smallest > budget
                continue
            completion = await ask(client, max_tokens=budget, temperature=temperature, seed=seed)
            (choice,) = completion.choices
            assert is_valid(choice.message.content)
            assert completion.usage.completion_tokens <= budget
            if choice.finish_reason == "length":
                assert completion.x_groq.json_completed
    assert 1 < smallest < 30


@pytest.mark.parametrize(
    "wanted",
    [{"format": "idn-email"}, {"pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"}],
    ids=["email", "decimal"],
)
async def test_a_large_budget_leads_to_a_valid_answer_as_well(
    server: Server, wanted: dict[str, str]
) -> None:
    """Strings that only the check keeps, where the model may write on and on."""
    schema = {
        "type": "object",
        "properties": {"value": {"type": "string", **wanted}},
        "required": ["value"],
        "additionalProperties": False,
    }
    async with AsyncGroq(base_url=server.base_url, api_key="none", max_retries=0) as client:
        for seed in range(3):
            completion = await ask(
                client, max_tokens=600, temperature=1, seed=seed, response_format=asked(schema)
            )
            (choice,) = completion.choices
            assert is_valid(choice.message.content, schema)
            if choice.finish_reason == "length":
                assert completion.usage.completion_tokens > 590


async def test_what_is_streamed_is_the_same_document(server: Server) -> None:
    """Token by token, with a stop sequence, several choices."""
    asked_for: dict[str, Any] = {"max_tokens": 90, "seed": 7, "stop": ["a"], "n": 2}
    async with AsyncGroq(base_url=server.base_url, api_key="none") as client:
        whole = await ask(client, **asked_for)
        texts = ["", ""]
        async for chunk in await ask(client, **asked_for, stream=True):
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in whole.choices]
    for text in texts:
        assert is_valid(text)
        assert "a" not in json.loads(text)["name"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "object", "properties": {"a": {"type": "text"}}}, "'#/properties/a/type'"),
        ({"$ref": "https://example.com/schema"}, "not a JSON Schema"),
        ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, "no finite"),
        ({"type": "string", "not": {"type": "string"}}, "no document was found"),
    ],
)
async def test_what_cannot_be_kept_is_refused_with_its_place(
    server: Server, schema: Any, said: str
) -> None:
    """Before anything is generated."""
    async with AsyncGroq(base_url=server.base_url, api_key="none") as client:
        with pytest.raises(BadRequestError) as caught:
            await ask(client, response_format=asked(schema))
    assert said in str(caught.value)
    assert caught.value.param == "response_format"


async def test_without_strictness_an_answer_may_fail_at_its_end(server: Server) -> None:
    """Where no valid document was found beforehand; the text there is comes with the error."""
    schema = {"type": "string", "not": {"type": "string"}}
    async with AsyncGroq(base_url=server.base_url, api_key="none") as client:
        with pytest.raises(BadRequestError) as caught:
            await ask(client, response_format=asked(schema, strict=False), max_tokens=20)
    assert caught.value.code == "json_validate_failed"
    assert json.loads(caught.value.failed_generation or "")


def test_the_page_runs_as_printed(server: Server) -> None:
    """docs/structured-output.md, but for the port."""
    page = (ROOT / "docs" / "structured-output.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    program = program.replace("http://127.0.0.1:8000", server.base_url)
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("name=")


async def test_the_profile_of_2024_knows_no_schemas() -> None:
    """They came a year later."""
    with galop_serve("--compat", "groq-2024") as server:
        async with AsyncGroq(base_url=server.base_url, api_key="none") as client:
            with pytest.raises(BadRequestError, match="not one of the allowed values"):
                await ask(client)
