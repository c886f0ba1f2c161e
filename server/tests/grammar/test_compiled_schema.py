"""A document's grammar, ready to compile."""

from __future__ import annotations

import json

import pytest

from galop.grammar.compiled_schema import MAX_SCHEMA_BYTES, compile_schema
from galop.grammar.errors import SchemaError


def test_a_shape_knows_what_is_valid() -> None:
    """Whole documents, as text."""
    compiled = compile_schema('{"type": "object", "required": ["a"]}')
    assert compiled.is_valid('{"a": 1}')
    assert not compiled.is_valid("{}")
    assert not compiled.is_valid('{"a": 1')
    assert not compiled.is_valid("[" * 100_000)


def test_a_shape_names_the_members_of_its_object() -> None:
    """In the order of the schema."""
    compiled = compile_schema('{"properties": {"b": {}, "a": {}}}')
    assert compiled.member_names == ("b", "a")
    assert compile_schema('{"type": "integer"}').member_names == ()


@pytest.mark.parametrize(
    ("schema", "is_exact"),
    [
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, True),
        ({"type": "array", "uniqueItems": True}, False),
        ({"type": "array", "items": {"type": "null"}, "minItems": 300}, False),
        ({"patternProperties": {"^[ab]$": {}}, "additionalProperties": False}, False),
    ],
)
def test_a_shape_is_exact_where_the_rules_say_all(schema: object, is_exact: bool) -> None:
    """Else documents are checked as they grow."""
    assert compile_schema(json.dumps(schema)).is_exact is is_exact


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON"),
        ("[1]", "must be an object"),
        ("[" * 300 + "]" * 300, "must be an object"),
        ('{"items":' * 250 + "{}" + "}" * 250, "nested deeper"),
        ('"' + "x" * MAX_SCHEMA_BYTES + '"', "larger than"),
        ('{"type": "strin"}', "is not a JSON Schema"),
        (
            '{"$defs": {"a": {"items": {"$ref": "#/$defs/a"}, "minItems": 1, "type": "array"}}, "$ref": "#/$defs/a"}',
            "no finite document",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(text: str, reason: str) -> None:
    """With the reason."""
    with pytest.raises(SchemaError, match=reason):
        compile_schema(text)
