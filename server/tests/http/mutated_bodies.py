"""Request bodies with one change that may make them wrong, and where it was made."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

# Any in this module: a JSON value.

Place = tuple[str | int, ...]

CALL = {"type": "function", "id": "c", "function": {"name": "f", "arguments": "{}"}, "index": 0}
FORCED = {"type": "function", "function": {"name": "f"}}
VALID: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief.", "name": "n"},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None},
        {"role": "tool", "content": "5", "tool_call_id": "c"},
        {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "content": None, "name": "f"},
    ],
    "temperature": 0.5,
    "max_tokens": 5,
    "stop": ["a"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "seed": -5,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    "logit_bias": {"1": -5},
    "logprobs": True,
    "top_logprobs": 2,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "tool_choice": FORCED,
    "functions": [{"name": "g"}],
    "function_call": {"name": "g"},
    "reasoning_effort": "low",
    "service_tier": "flex",
    "metadata": {"a": ["b"]},
    "modalities": ["text"],
    "documents": None,
}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 150)
    | st.integers(-(10**400), 10**400)
    # Written with a fraction: see test_a_whole_number_with_a_fraction_is_no_integer.
    | st.floats(-200, 200).filter(lambda number: not number.is_integer())
    | st.text(max_size=5)
    | st.sampled_from(["user", "assistant", "robot", "text", "json_object", "auto", "image_url"])
    | st.sampled_from(["n\n", "a" * 65, "a" * 4097, "a b"])
)
KEYS = st.sampled_from(["type", "role", "content", "text", "name", "function", "1", "-"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Of `value`, of everything in it, and so on."""
    yield place
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*place, step))


PLACES = [place for place in places(VALID) if place]


@st.composite
def mutated_bodies(draw: st.DrawFn) -> tuple[dict[str, Any], Place]:
    """A body, and the place of what was replaced or added, of the key that was removed, or of the array
    that an item was removed from."""
    body = copy.deepcopy(VALID)
    *path, last = place = draw(st.sampled_from(PLACES))
    holder: Any = body
    for step in path:
        holder = holder[step]
    change = draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "add" and isinstance(holder, dict):
        place = (*path, draw(st.sampled_from(["contnt", "max_token", "index", "debug", "é" * 70])))
        holder[place[-1]] = draw(VALUES)
    elif change == "remove":
        del holder[last]
        place = tuple(path) if isinstance(holder, list) else place
    else:
        holder[last] = draw(VALUES)
    return body, place
