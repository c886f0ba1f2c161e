"""Invalid bodies, their messages and their params."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from galop.http.decode import parse
from galop.http.errors import InvalidRequestError, MalformedBodyError, describe
from galop.http.limits import RequestLimits
from galop.http.request_schema import request_schema
from galop.http.validation_messages import SENTENCES, unknown_key, validation_error
from server.tests.http.mutated_bodies import Place, mutated_bodies

USER = {"role": "user", "content": "Hi"}
BODY = {"model": "m", "messages": [USER]}


def refusal(body: bytes) -> InvalidRequestError | None:
    try:
        parse(body, compat="default", limits=RequestLimits())
    except InvalidRequestError as error:
        return error
    return None


def in_user_message(path: str, sentence: str) -> str:
    return (
        "'messages.0' : for 'role:user' the following must be satisfied"
        f"[( 'messages.0{path}' : {sentence} )]"
    )


EXAMPLES: list[tuple[Any, str, str | None]] = [
    (5, "The request body: value must be an object", None),
    (None, "The request body: value must be an object", None),
    ({"messages": [USER]}, "property 'model' is missing", "model"),
    (
        {**BODY, "max_token": 1},
        "property 'max_token' is unsupported, did you mean 'max_tokens'?",
        "max_token",
    ),
    ({**BODY, "temperature": 3}, "'temperature' : number must be at most 2", "temperature"),
    ({**BODY, "max_tokens": 1.0}, "'max_tokens' : value must be an integer", "max_tokens"),
    (
        {**BODY, "seed": "5"},
        "'seed' : value must be an integer",
        "seed",
    ),
    (
        {**BODY, "reasoning_effort": "huge"},
        "'reasoning_effort' : value is not one of the allowed values "
        "['none', 'default', 'low', 'medium', 'high']",
        "reasoning_effort",
    ),
    (
        {**BODY, "stop": {}},
        "'stop' : one of the following must be satisfied"
        "[( value must be a string ) OR ( value must be an array )]",
        "stop",
    ),
    ({**BODY, "stop": ["a", None]}, "'stop.1' : Value is not nullable", "stop.1"),
    (
        {**BODY, "logit_bias": {"5": "high"}},
        "'logit_bias.5' : value must be a number",
        "logit_bias.5",
    ),
    (
        {**BODY, "tool_choice": {"type": "function", "function": {}}},
        "'tool_choice.function' : property 'name' is missing",
        "tool_choice.function.name",
    ),
    (
        {**BODY, "tools": [{"type": "mcp", "server_label": "x"}]},
        "'tools.0' : not supported: tools of the type 'mcp': only functions are called",
        "tools.0",
    ),
    (
        {**BODY, "audio": {"voice": "x"}},
        "'audio' : not supported: this server answers with text only",
        "audio",
    ),
    (
        {**BODY, "response_format": {"type": "json_schema", "json_schema": {"nam": "x"}}},
        "'response_format.json_schema' : property 'nam' is unsupported, did you mean 'name'?",
        "response_format.json_schema.nam",
    ),
    ({**BODY, "messages": []}, "'messages' : minimum number of items is 1", "messages"),
    ({**BODY, "messages": ["Hi"]}, "'messages.0' : value must be an object", "messages.0"),
    (
        {**BODY, "messages": [{"content": "Hi"}]},
        "'messages.0' : property 'role' is missing",
        "messages.0.role",
    ),
    (
        {**BODY, "messages": [{"role": "robot", "content": "Hi"}]},
        "'messages.0.role' : value is not one of the allowed values "
        "['system', 'developer', 'user', 'assistant', 'tool', 'function']",
        "messages.0.role",
    ),
    (
        {**BODY, "messages": [{"role": "user"}]},
        in_user_message("", "property 'content' is missing"),
        "messages.0.content",
    ),
    (
        {**BODY, "messages": [{**USER, "naem": "x"}]},
        in_user_message("", "property 'naem' is unsupported, did you mean 'name'?"),
        "messages.0.naem",
    ),
    (
        {**BODY, "messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]},
        in_user_message(".content.0.text", "value must be a string"),
        "messages.0.content.0.text",
    ),
    (
        {**BODY, "messages": [{"role": "user", "content": [{"type": "image_url", "url": "x"}]}]},
        "'messages.0.content.0' : not supported: parts of the type 'image_url': the models served "
        "here read text",
        "messages.0.content.0",
    ),
]


@pytest.mark.parametrize(("body", "message", "param"), EXAMPLES)
def test_an_invalid_body_gets_message_and_param(
    body: object, message: str, param: str | None
) -> None:
    """Schema errors have no code."""
    error = refusal(json.dumps(body).encode())
    assert error is not None
    answer = describe(error, request_id="req_1").error
    assert (answer.message, error.param) == (message, param)
    assert not answer.code


def dotted(place: Place) -> str:
    return ".".join(str(step) for step in place)


@settings(max_examples=500, deadline=None)
@given(mutated_bodies())
def test_a_refusal_names_the_place_that_was_changed(mutated: tuple[dict[str, Any], Place]) -> None:
    """Or one inside it; after a change of `type` or `role` the error may be elsewhere in that object."""
    body, place = mutated
    error = refusal(json.dumps(body).encode())
    if error is not None:
        where = dotted(place[:-1] if place[-1] in ("type", "role") else place)[:64]
        assert error.param is not None
        assert error.param.startswith(where)
        assert "The request body" not in error.message


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """`schema` and every schema in it; maps of names to schemas are among them."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from schemas(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from schemas(value)


def test_every_bound_of_the_schema_has_a_sentence() -> None:
    """`SENTENCES` covers exactly the keywords in use."""
    told_apart = {"type", "enum", "required", "properties", "additionalProperties"}
    structure = {"allOf", "if", "then", "items", "const", "$ref", "components", "schemas"}
    annotations = {"title", "description", "default", "x-refused"}
    names = {
        name for each in schemas(request_schema()) for name in each.get("properties", ())
    } | set(request_schema()["components"]["schemas"])
    keywords = {key for each in schemas(request_schema()) for key in each}
    assert keywords - names - told_apart - structure - annotations == set(SENTENCES)


def test_long_names_are_cut() -> None:
    """In message and param, both for unknown keys and for keys in the path."""
    for body in ({**BODY, "x" * 100_000: 1}, {**BODY, "logit_bias": {"x" * 100_000: "a"}}):
        error = refusal(json.dumps(body).encode())
        assert error is not None
        assert error.param is not None
        assert len(error.message) + len(error.param) < 400


def test_validation_stops_at_the_first_error() -> None:
    """A body with a million errors gets the path of the first."""
    parts = b",".join([b"1"] * 1_000_000)
    body = b'{"model":"m","messages":[{"role":"user","content":[%b]}]}' % parts
    error = refusal(body)
    assert error is not None
    assert error.param == "messages.0.content.0"


@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        (b'{"a":[1,{"b":1e999}]}', "metadata.a.1.b"),
        (b'{"a":%b}' % (b"9" * 5000), "metadata.a"),
        (b'{"a":[%b1e999]}' % (b"1," * 200_000), None),
    ],
)
def test_a_number_out_of_range_is_refused_by_its_path(metadata: bytes, param: str | None) -> None:
    """Bodies above 256 KiB are not searched for it."""
    error = refusal(b'{"model":"m","messages":[],"metadata":%b}' % metadata)
    assert error is not None
    assert error.param == param
    assert error.message.endswith("number is out of range")


def test_a_malformed_body_with_a_number_out_of_range_is_malformed() -> None:
    """The JSON error takes precedence."""
    with pytest.raises(MalformedBodyError):
        parse(b'{"seed":1e999,', compat="default", limits=RequestLimits())


def test_a_body_that_the_schema_accepts_is_refused_all_the_same() -> None:
    """The fallback: an error without a path."""
    assert validation_error(BODY).param is None


@pytest.mark.parametrize(
    ("key", "hint"), [("stop_sequences", "stop"), ("best_of", "n"), ("temprature", "temperature")]
)
def test_an_unknown_key_gets_the_nearest_known_name(key: str, hint: str) -> None:
    """By its name in other APIs, or by spelling."""
    known = ("stop", "n", "temperature")
    assert unknown_key((), key, known).message.endswith(f", did you mean '{hint}'?")


def test_a_hint_is_never_an_unknown_key() -> None:
    """`best_of` suggests `n` only where `n` is known."""
    assert unknown_key((), "best_of", ("stop",)).message == "property 'best_of' is unsupported"
