"""The rows of the benchmark: what is sent, what is measured of it, and the goal.

Every pair of blocks gets prompts of its own, the same for both servers, so that neither finds an
answer of the last pair in its cache. All requests stream.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import jsonschema_rs

from bench.machine import cpu_s
from bench.opponents import Running
from galop.benchmark.client import Block, Completion
from galop.engine.engine import DEFAULT_PREFILL_CHUNK

Setting = Literal[
    "same file", "as a user runs each", "one core busy", "one at a time", "ours alone, long context"
]
"""Name of a group of servers; `bench.compare.SETTINGS` says which ones."""

Values = Mapping[str, float]

BLOCK_TIMEOUT_S = 120.0
"""A server that needs longer than this for one block is not measured further in that row."""


@dataclass(frozen=True)
class Goal:
    """Of a ratio ours / theirs (or of our value alone where `of_ours`)."""

    metric: str
    unit: str
    least: float | None = None
    most: float | None = None
    of_ours: bool = False
    has_theirs: bool = True
    """False where their value would mean something else."""

    @property
    def is_set(self) -> bool:
        """False: only reported."""
        return self.least is not None or self.most is not None

    def is_met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def __str__(self) -> str:
        if self.least is not None:
            return f">= {self.least:g}"
        return f"<= {self.most:g}" if self.most is not None else "report"


@dataclass(frozen=True)
class Row:
    """One line of work, measured in pairs."""

    name: str
    setting: Setting
    measure: Callable[[Running, int], Awaitable[Values]]
    """Called with a server and the number of the pair; gives a value for each goal's metric. Where ours runs
    alone, all goals are `of_ours`."""
    goals: Sequence[Goal] = field(default_factory=tuple)


CHARACTERS = Goal("characters/s", "/s")
"""For a server that does not count the tokens of a stream."""


def speed(least: float) -> Goal:
    return Goal("tok/s", "tok/s", least=least)


def chat(text: str, max_tokens: int, **options: object) -> dict[str, object]:
    """A request body with one user message."""
    messages = [{"role": "user", "content": text}]
    return {"messages": messages, "max_tokens": max_tokens, "temperature": 0, **options}


# Free text.


def free_text(
    num_clients: int, max_tokens: int, **options: object
) -> Callable[..., Awaitable[Values]]:
    async def measure(server: Running, pair: int) -> Values:
        bodies = [
            chat(f"Tell me a long story about the numbers {pair} and {i}.", max_tokens, **options)
            for i in range(num_clients)
        ]
        spent = cpu_s(server.pid)
        block = await server.target.run(bodies)
        spent = cpu_s(server.pid) - spent
        return {
            "tok/s": block.tokens_per_s,
            "characters/s": block.characters_per_s,
            "p99 first token": block.first_token_s(0.99),
            "API CPU": 1e6 * spent / max(1, block.completion_tokens),
        }

    return measure


# Prompts.

_WORDS = [
    "river",
    "stone",
    "window",
    "garden",
    "letter",
    "market",
    "engine",
    "paper",
    "silver",
    "morning",
    "bridge",
    "winter",
    "candle",
    "harbour",
    "forest",
    "music",
    "table",
    "shadow",
    "journey",
    "summer",
    "orchard",
    "village",
    "thunder",
    "mirror",
    "blanket",
]


def words(num_words: int, seed: int) -> str:
    """Text of common words, about one token each, that no other seed begins alike."""
    source = random.Random(seed)
    return " ".join(source.choice(_WORDS) for _ in range(num_words))


async def long_prompt(server: Running, pair: int) -> Values:
    block = await server.target.run([chat(f"Summarise: {words(960, pair)}", 4)])
    return {"first token": block.first_token_s()}


async def shared_system_prompt(server: Running, pair: int) -> Values:
    system = {"role": "system", "content": f"You are assistant {pair}. {words(330, pair)}"}
    bodies = [
        chat("", 8) | {"messages": [system, {"role": "user", "content": f"Question {i}?"}]}
        for i in range(16)
    ]
    block = await server.target.run(bodies)
    return {"median first token": block.first_token_s()}


async def joining_prompt(server: Running, pair: int) -> Values:
    """Eight streams run, then a prompt of 1,500 tokens comes; the worst gap of the eight."""
    target = server.target
    streams = asyncio.create_task(
        target.run([chat(f"Tell a long story about {pair} and {i}.", 80) for i in range(8)])
    )
    await asyncio.sleep(0.6)
    joined = await target.complete(chat(f"Summarise: {words(1450, pair)}", 1))
    block = await streams
    return {"worst gap": worst_gap_s(block, joined.sent_s, joined.ended_s)}


async def short_beside_long(server: Running, pair: int) -> Values:
    """Short prompts, one after the other, while one of 7,000 tokens is computed."""
    target = server.target
    long_prompt = chat(f"Summarise: {words(6900, pair)}", 1)
    long = asyncio.create_task(target.complete(long_prompt))
    short: list[Completion] = []
    try:
        while not long.done():
            await asyncio.sleep(0.5)
            ask = f"{pair} and {len(short)}: {words(50, 1000 * pair + len(short))}"
            short.append(await target.complete(chat(ask, 1)))
    finally:
        long.cancel()
    return chunks_until_first_token(await long, short)


def chunks_until_first_token(long: Completion, short: Sequence[Completion]) -> Values:
    """Times to first token over the time of a chunk, which is that of the long prompt over its chunks. Of the
    short prompts that were answered before it."""
    long_ended_s = long.sent_s + long.first_token_s
    chunk_s = long.first_token_s / (long.prompt_tokens / DEFAULT_PREFILL_CHUNK)
    waits = [
        each.first_token_s / chunk_s
        for each in short
        if each.sent_s + each.first_token_s < long_ended_s
    ]
    if not waits:  # the first one came after it
        waits = [short[0].first_token_s / chunk_s]
    return {"median first token": statistics.median(waits), "worst first token": max(waits)}


def worst_gap_s(block: Block, start_s: float, end_s: float) -> float:
    """The longest pause between two contents of a stream that overlaps this time."""
    gaps = [
        later - earlier
        for answer in block.completions
        for earlier, later in zip(answer.content_times_s, answer.content_times_s[1:], strict=False)
        if later > start_s and earlier < end_s
    ]
    return max(gaps, default=0.0)


# Documents.

RECIPE = {
    "type": "object",
    "properties": {
        "recipe_name": {"type": "string", "minLength": 1, "maxLength": 40},
        "ingredients": {
            "type": "array",
            "minItems": 2,
            "maxItems": 4,
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 24},
                    "quantity": {"type": "string", "minLength": 1, "maxLength": 12},
                },
                "required": ["name", "quantity"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["recipe_name", "ingredients"],
    "additionalProperties": False,
}
CONTACT = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "company": {"type": "string", "maxLength": 40},
        "city": {"type": "string", "maxLength": 30},
        "email": {"type": "string", "format": "email", "maxLength": 40},
        "year": {"type": "integer", "minimum": 1900, "maximum": 2100},
        "topic": {"enum": ["order", "complaint", "question", "other"]},
        "urgent": {"type": "boolean"},
    },
    "required": ["name", "company", "city", "email", "year", "topic", "urgent"],
    "additionalProperties": False,
}
"""Flat: the fields of a letter."""


def _nested(levels: int) -> dict[str, object]:
    """A part list, each part made of parts, `levels` deep."""
    properties: dict[str, object] = {
        "part": {"type": "string", "minLength": 1, "maxLength": 16},
        "count": {"type": "integer", "minimum": 1, "maximum": 99},
    }
    if levels > 1:
        parts = {"type": "array", "minItems": 1, "maxItems": 2, "items": _nested(levels - 1)}
        properties["made_of"] = parts
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


PARTS = _nested(5)
"""Deep: nine containers inside each other."""


@dataclass(frozen=True)
class Document:
    """A kind of document that is asked for."""

    name: str
    prompts: Sequence[str]
    schema: dict[str, object] | None = None
    """None: any object, in JSON mode."""

    @property
    def response_format(self) -> dict[str, object]:
        if self.schema is None:
            return {"type": "json_object"}
        named = {"name": "document", "schema": self.schema, "strict": True}
        return {"type": "json_schema", "json_schema": named}

    def is_valid(self, text: str) -> bool:
        document = parsed(text)
        if self.schema is None:
            return isinstance(document, dict)
        return jsonschema_rs.is_valid(self.schema, document)


_DISHES = "apple pie, onion soup, pancakes, lentil stew, potato salad, tomato sauce, rice pudding, omelette"
_PEOPLE = (
    "Ada Moss, Ben Okafor, Carla Ruiz, Dmitri Wolf, Elena Sato, Femi Lund, Greta Haas, Hugo Blanc"
)
_THINGS = "bicycle, kitchen clock, piano, toy train, garden pump, camera, sewing machine, telescope"
_LETTER = (
    "Dear team, I bought lamp number {pair} from you in 2019 and it stopped working. Please call me"
    " today. {thing}, Harbour Books, 12 Mill Road, Bristol, {pair}@harbour.example\n\n"
    "Extract the fields of this letter as JSON."
)

ANY_OBJECT = Document(
    "json_object", [f"Give me recipe {{pair}} for {dish} as JSON." for dish in _DISHES.split(", ")]
)
RECIPES = Document("recipe schema", ANY_OBJECT.prompts, RECIPE)
CONTACTS = Document(
    "flat extraction schema",
    [_LETTER.replace("{thing}", person) for person in _PEOPLE.split(", ")],
    CONTACT,
)
PART_LISTS = Document(
    "deep schema",
    [f"What is {thing} number {{pair}} made of? As JSON." for thing in _THINGS.split(", ")],
    PARTS,
)


def documents(document: Document, num_clients: int) -> Callable[..., Awaitable[Values]]:
    async def measure(server: Running, pair: int) -> Values:
        bodies = [
            chat(prompt.format(pair=pair), 160, response_format=document.response_format)
            for prompt in document.prompts[:num_clients]
        ]
        block = await server.target.run(bodies)
        num_valid = sum(document.is_valid(answer.text) for answer in block.completions)
        return {
            "documents/s": num_valid / block.wall_s,
            "valid": num_valid / len(block.completions),
            "tok/s": block.tokens_per_s,
            "characters/s": block.characters_per_s,
        }

    return measure


def parsed(text: str) -> object:
    """The document, None where it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def document_row(document: Document, num_clients: int, least: float) -> Row:
    clients = "1 client" if num_clients == 1 else f"{num_clients} clients"
    goals = [Goal("documents/s", "/s", least=least), Goal("valid", "", least=1, of_ours=True)]
    return Row(f"{document.name}, {clients}", "same file", documents(document, num_clients), goals)


# Copying.


async def copying(server: Running, pair: int) -> Values:
    text = words(70, pair)
    ask = f"Repeat this text word for word, but begin with the word Today:\n\n{text}"
    block = await server.target.run([chat(ask, 96)])
    return {"tok/s": block.tokens_per_s}


async def extracting(server: Running, pair: int) -> Values:
    """Fields of a page, as lines of text."""
    page = "\n".join(
        f"{key.capitalize()}: {words(5, 100 * pair + index)}"
        for index, key in enumerate(_WORDS[:10])
    )
    ask = f"{page}\n\nExtract all fields of this page, one line for each, in the same form."
    block = await server.target.run([chat(ask, 96)])
    return {"tok/s": block.tokens_per_s}


SCHEMA_ROWS: Sequence[Row] = [
    document_row(document, num_clients, 5)
    for document in (RECIPES, CONTACTS, PART_LISTS)
    for num_clients in (8, 1)
]

ROWS: Sequence[Row] = (
    Row("free text, 1 client", "same file", free_text(1, 64), [speed(1.05)]),
    Row(
        "free text, 8 clients",
        "same file",
        free_text(8, 32),
        [speed(1.1), Goal("API CPU", "us/token", most=40, of_ours=True, has_theirs=False)],
    ),
    Row(
        "free text, 32 clients on 16 slots",
        "same file",
        free_text(32, 24),
        [speed(1.25), Goal("p99 first token", "s", most=0.5)],
    ),
    Row(
        "sampling (0.8, top_p 0.95), 8 clients",
        "same file",
        free_text(8, 32, temperature=0.8, top_p=0.95, seed=7),
        [speed(1.15)],
    ),
    Row(
        "16 clients, one system prompt of 350 tokens",
        "same file",
        shared_system_prompt,
        [Goal("median first token", "s", most=0.33)],
    ),
    Row("copying a text, 1 client", "same file", copying, [speed(2.0)]),
    Row("extracting fields of a page, 1 client", "same file", extracting, [speed(2.0)]),
    Row(
        "a prompt of 1,500 tokens joins 8 streams",
        "same file",
        joining_prompt,
        [Goal("worst gap", "s", most=0.5)],
    ),
    *SCHEMA_ROWS,
    document_row(ANY_OBJECT, 8, 4),
    document_row(ANY_OBJECT, 1, 4),
    Row("free text, 1 client", "as a user runs each", free_text(1, 64), [speed(1.3)]),
    Row("free text, 8 clients", "as a user runs each", free_text(8, 32), [speed(1.7)]),
    Row(
        "prompt of 1,000 tokens",
        "as a user runs each",
        long_prompt,
        [Goal("first token", "s", most=0.4)],
    ),
    Row("free text, 8 clients", "one core busy", free_text(8, 24), [speed(3.0)]),
    Row(
        "a short prompt beside one of 7,000 tokens",
        "ours alone, long context",
        short_beside_long,
        [
            Goal("median first token", "chunks", most=3, of_ours=True),
            Goal("worst first token", "chunks", of_ours=True),
        ],
    ),
    Row("free text, 1 client", "one at a time", free_text(1, 64), [CHARACTERS]),
    Row("free text, 8 clients", "one at a time", free_text(8, 24), [CHARACTERS]),
)
