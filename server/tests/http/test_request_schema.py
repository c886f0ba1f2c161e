"""The rewritten schema, the published component and the decoder accept the same bodies."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings

from galop.http.decode import parse
from galop.http.errors import InvalidRequestError
from galop.http.limits import RequestLimits
from galop.http.openapi import openapi_document
from galop.http.request_schema import request_validator
from galop.http.schema import MAX_SEED, MIN_SEED
from server.tests.http.mutated_bodies import VALID, Place, mutated_bodies


def published_validator() -> jsonschema_rs.Validator:
    """Validates by the component in `/openapi.json`."""
    components = openapi_document("1")["components"]
    schema = {"$ref": "#/components/schemas/ChatCompletionRequest", "components": components}
    return jsonschema_rs.validator_for(schema)


PUBLISHED = published_validator()


def is_accepted(body: dict[str, Any]) -> bool:
    """Whether the decoder and the check of the seed accept `body`."""
    try:
        request = parse(json.dumps(body).encode(), compat="default", limits=RequestLimits())
    except InvalidRequestError:
        return False
    return MIN_SEED <= (request.seed or 0) <= MAX_SEED


@settings(max_examples=500, deadline=None)
@given(mutated_bodies())
def test_the_server_and_both_schemas_agree(mutated: tuple[dict[str, Any], Place]) -> None:
    """Every mutated body is valid for all three or for none."""
    body, _ = mutated
    assert request_validator().is_valid(body) == PUBLISHED.is_valid(body) == is_accepted(body)


def test_the_body_that_is_mutated_is_valid() -> None:
    """So the property above also covers accepted bodies."""
    assert is_accepted(VALID)
    assert request_validator().is_valid(VALID)


@pytest.mark.parametrize("number", [5.0, -0.0, 1e2])
def test_a_whole_number_with_a_fraction_is_no_integer(number: float) -> None:
    """The published schema cannot express this; the description of the document states it."""
    body = {**VALID, "seed": number}
    assert not is_accepted(body)
    assert not request_validator().is_valid(body)
    assert PUBLISHED.is_valid(body)
    assert "Integers are written without a fraction" in openapi_document("1")["info"]["description"]


@pytest.mark.parametrize(
    ("parameters", "path", "keyword"),
    [
        ({"messages": [{"role": "user", "content": [5]}]}, ["messages", 0, "content", 0], "type"),
        ({"messages": [{"role": "user", "nam": "x"}]}, ["messages", 0], "additionalProperties"),
        ({"messages": [{"role": "user"}]}, ["messages", 0], "required"),
        ({"messages": [{"role": "robot"}]}, ["messages", 0, "role"], "enum"),
        ({"tools": [{"type": "browser_search"}]}, ["tools", 0, "type"], "enum"),
        ({"stop": ["a" * 4097]}, ["stop", 0], "maxLength"),
        ({"stop": 5}, ["stop"], "type"),
        ({"tool_choice": "any"}, ["tool_choice"], "enum"),
        ({"tool_choice": {"type": "function"}}, ["tool_choice"], "required"),
        ({"response_format": {"type": "xml"}}, ["response_format", "type"], "enum"),
    ],
)
def test_the_first_error_is_at_the_innermost_place(
    parameters: dict[str, Any], path: list[str | int], keyword: str
) -> None:
    """Inside the union's matching branch, not at the union."""
    with pytest.raises(jsonschema_rs.ValidationError) as caught:
        request_validator().validate({**VALID, **parameters})
    assert caught.value.instance_path == path
    assert caught.value.schema_path[-1] == keyword
