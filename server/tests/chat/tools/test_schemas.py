"""The schemas of arguments, and the check of arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from galop.chat.tools.schemas import ParametersError, arguments_schema, check_schema, why_invalid

SCHEMA = arguments_schema(
    {"properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
)


def test_without_a_schema_there_are_no_arguments() -> None:
    """Only the empty object is valid."""
    assert why_invalid(arguments_schema(None), "{}") is None
    assert why_invalid(arguments_schema(None), '{"a": 1}') is not None


@pytest.mark.parametrize("types", [None, "object", ["object", "null"]])
def test_arguments_are_an_object(types: object) -> None:
    """Other types of the schema are dropped."""
    schema = arguments_schema({} if types is None else {"type": types})
    assert json.loads(schema)["type"] == "object"
    assert why_invalid(schema, "null") is not None


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ('{"a": 1}', None),
        ('{"a": "1"}', "at '/a'"),
        ("{}", "required"),
        ('{"a": 1, "b": 2}', "at '/'"),
        ('{"a": ', "not JSON"),
    ],
)
def test_arguments_are_checked(arguments: str, fragment: str | None) -> None:
    """The reason has the pointer."""
    reason = why_invalid(SCHEMA, arguments)
    assert reason is None if fragment is None else fragment in (reason or "")


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ({"type": "array"}, ("type",)),
        ({"type": ["string", "null"]}, ("type",)),
        ({"properties": {"a": {"type": "strin"}}}, ("properties", "a", "type")),
        ({"properties": []}, ("properties",)),
        ({"$ref": "#/$defs/missing"}, ()),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, ()),
    ],
)
def test_what_is_no_schema_of_arguments_is_refused(
    parameters: dict[str, Any], path: tuple[str, ...]
) -> None:
    """With the path; nothing is fetched."""
    with pytest.raises(ParametersError) as caught:
        check_schema(arguments_schema(parameters))
    assert caught.value.path == path
    assert caught.value.reason
