"""Two schemas as one: exact where it says so, and never narrower than the two."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from galop.grammar.schema.combine import combine
from server.tests.grammar.schema.node_semantics import is_valid
from server.tests.grammar.schema.strategies import typed_schemas, values

objects = typed_schemas.filter(lambda schema: isinstance(schema, dict))


@given(objects, objects, values)
@example({"const": 1}, {"const": True}, 1)
@example({"enum": [1]}, {"enum": [True]}, 1)
@example({"minimum": 1}, {"minimum": 2}, 1)
def test_both_hold_exactly_if_the_combined_schema_holds(left: Any, right: Any, value: Any) -> None:
    """jsonschema-rs says so of all three."""
    combined, is_exact = combine(left, right)
    if combined.get("type") == []:  # an empty list of types, which no meta-schema allows
        combined = {"not": {}}
    is_both = is_valid(left, value) and is_valid(right, value)
    if is_exact:
        assert is_valid(combined, value) == is_both
    elif is_both:
        assert is_valid(combined, value)


@pytest.mark.parametrize(
    ("left", "right", "combined"),
    [
        ({"type": "number"}, {"type": ["integer", "string"]}, {"type": ["integer"]}),
        ({"maximum": 3}, {"maximum": 2}, {"maximum": 2}),
        ({"multipleOf": 4}, {"multipleOf": 6}, {"multipleOf": 12}),
        ({"required": ["b"]}, {"required": ["a", "b"]}, {"required": ["b", "a"]}),
        ({"enum": [1, "a", None]}, {"enum": [True, None, "a"]}, {"enum": ["a", None]}),
        ({"uniqueItems": True}, {"minItems": 2}, {"uniqueItems": True, "minItems": 2}),
    ],
)
def test_keywords_are_merged(left: Any, right: Any, combined: Any) -> None:
    """Each in its own way."""
    expected = combined if "required" not in combined else {**combined, "properties": {}}
    found = combine(left, right)
    assert {**found.schema, "properties": {}} == {**expected, "properties": {}}
    assert found.is_exact


def test_properties_keep_the_order_of_the_first_schema() -> None:
    """Then come those that only the second one declares."""
    left = {"properties": {"z": True, "a": {"type": "string"}}}
    right = {"properties": {"m": True, "a": {"minLength": 1}}}
    properties = combine(left, right).schema["properties"]
    assert list(properties) == ["z", "a", "m"]
    assert properties["a"] == {"allOf": [{"type": "string"}, {"minLength": 1}]}


@given(st.sampled_from(["pattern", "format", "not", "contains"]))
def test_keywords_that_cannot_be_merged_are_left_to_the_check(keyword: str) -> None:
    """The first one stays in the schema."""
    combined = combine({keyword: "one"}, {keyword: "two"})
    assert combined.schema[keyword] == "one"
    assert not combined.is_exact
