"""Does JSON mode keep its promise? `python -m bench.json_mode` counts, with the embedded model.

The two programs of the 2024 page: the recipe (its schema in the system prompt) and the sentiment of
a text, each `--runs` times at temperature 1 with seeds 0, 1, 2, ..., first in JSON mode and then with
the schema as `json_schema`. Counted: answers with status 200, answers that strict `json.loads` takes
as an object, how many of them are what the pydantic model of the program wants, and how many the
budget had to close.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections import Counter
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from e2e.conftest import galop_serve
from galop.benchmark.client import Client


class Ingredient(BaseModel):
    name: str
    quantity: str
    quantity_unit: str | None


class Recipe(BaseModel):
    recipe_name: str
    ingredients: list[Ingredient]
    directions: list[str]


class Sentiment(BaseModel):
    sentiment: Literal["positive", "negative", "neutral"]
    confidence: float


MODELS: dict[str, type[BaseModel]] = {"recipe": Recipe, "sentiment": Sentiment}

PROGRAMS = {
    "recipe": [
        {
            "role": "system",
            "content": "You are a recipe database that outputs recipes in JSON.\n"
            f"The JSON object must use the schema: {json.dumps(Recipe.model_json_schema(), indent=2)}",
        },
        {"role": "user", "content": "Fetch a recipe for apple pie"},
    ],
    "sentiment": [
        {
            "role": "system",
            "content": "You analyse the sentiment of a text and answer in JSON: "
            '{"sentiment": "positive" | "negative" | "neutral", "confidence": number}',
        },
        {"role": "user", "content": "The room was clean, but nobody answered the bell."},
    ],
}


async def one_run(
    client: Client,
    gate: asyncio.Semaphore,
    name: str,
    response_format: object,
    seed: int,
    budget: int,
) -> Counter[str]:
    body: dict[str, Any] = {  # Any: a JSON document
        "model": "llama3-8b-8192",
        "messages": PROGRAMS[name],
        "response_format": response_format,
        "temperature": 1,
        "max_tokens": budget,
        "seed": seed,
    }
    async with gate:
        exchange = await client.send(client.post("/openai/v1/chat/completions", body))
    counts = Counter(runs=1)
    if exchange.status != 200:
        return counts
    counts["status 200"] += 1
    answer = exchange.json()
    try:
        document = json.loads(answer["choices"][0]["message"]["content"])
    except ValueError:
        return counts
    counts["JSON objects"] += isinstance(document, dict)
    with contextlib.suppress(ValidationError):
        MODELS[name].model_validate(document)
        counts["of the pydantic model"] += 1
    counts["closed by the budget"] += bool(answer["x_groq"].get("json_completed"))
    return counts


async def count(url: str, runs: int, budget: int) -> None:
    gate = asyncio.Semaphore(16)
    client = Client(url, timeout_s=600)
    for name, model in MODELS.items():
        schema = {"name": name, "schema": model.model_json_schema(), "strict": True}
        for response_format in (
            {"type": "json_object"},
            {"type": "json_schema", "json_schema": schema},
        ):
            results = await asyncio.gather(
                *(
                    one_run(client, gate, name, response_format, seed, budget)
                    for seed in range(runs)
                )
            )
            total: Counter[str] = sum(results, Counter())
            print(
                f"{name}, {response_format['type']}: "
                + ", ".join(f"{value} {key}" for key, value in total.items()),
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--url", help="a running server; left out: one with the embedded model")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--max-tokens", type=int, default=120)
    options = parser.parse_args()
    if options.url:
        asyncio.run(count(options.url, options.runs, options.max_tokens))
        return
    with galop_serve("--log-level", "error") as server:
        asyncio.run(count(server.base_url, options.runs, options.max_tokens))


if __name__ == "__main__":
    main()
