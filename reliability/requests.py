"""The requests of the suite: every way of asking that takes another path through the server."""

from __future__ import annotations

from galop.benchmark.client import Body

MODEL = "llama3-8b-8192"
PLACE_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "height": {"type": "integer"}},
    "required": ["name", "height"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "measure",
        "parameters": {
            "type": "object",
            "properties": {"what": {"type": "string", "enum": ["lighthouse", "storm"]}},
            "required": ["what"],
        },
    },
}
NEVER_ENDING = {"0": -100, "2": -100}
"""A logit_bias for the embedded model: no end-of-text tokens, so `max_tokens` decides."""


def body(text: str, **options: object) -> Body:
    """A chat completion of one message."""
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **options}


def mixed(num_tokens: int = 24) -> dict[str, Body]:
    """By name: streams and whole answers, greedy and sampled, free text and constrained."""
    about = "Describe a lighthouse, then a storm."
    return {
        "greedy": body(
            about, temperature=0, max_tokens=num_tokens, stream=True, logit_bias=NEVER_ENDING
        ),
        "seeded": body(about, temperature=1, seed=7, max_tokens=num_tokens, stream=True),
        "penalised": body(
            about, seed=3, frequency_penalty=0.5, max_tokens=num_tokens, stream=True, n=2
        ),
        "logprobs": body(
            about, seed=9, logprobs=True, top_logprobs=2, max_tokens=num_tokens, stream=True
        ),
        "whole": body("Name a harbour.", seed=11, max_tokens=num_tokens),
        "JSON": body(
            about + " Answer as a JSON object.",
            seed=5,
            max_tokens=num_tokens * 2,
            stream=True,
            response_format={"type": "json_object"},
        ),
        "schema": body(
            about,
            seed=6,
            max_tokens=64,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "place", "strict": True, "schema": PLACE_SCHEMA},
            },
        ),
        "tools": body(about, seed=8, max_tokens=64, tools=[TOOL], tool_choice="required"),
    }


def long_prompt(num_words: int) -> Body:
    """Nearly four tokens a word to compute, four tokens of answer."""
    words = " ".join(f"word{index % 97}" for index in range(num_words))
    return body(f"{num_words} words: {words}", temperature=0, max_tokens=4, stream=True)


def story(number: int, num_tokens: int = 200) -> Body:
    """A stream of a known number of tokens."""
    return body(
        f"Tell story number {number}.",
        seed=number,
        max_tokens=num_tokens,
        stream=True,
        logit_bias=NEVER_ENDING,
    )
