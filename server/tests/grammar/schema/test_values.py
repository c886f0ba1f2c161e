"""JSON values that a schema names: equality, types, and the nodes of `enum` and `const`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from galop.grammar.schema.keywords import types_of_schema
from galop.grammar.schema.values import are_equal, node_of, read_constants, types_of_value
from galop.grammar.schema_ir import Union
from server.tests.grammar.schema.node_semantics import admits, is_valid
from server.tests.grammar.schema.strategies import constants, values

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")


@given(values, values)
def test_values_are_equal_if_const_says_so(left: Any, right: Any) -> None:
    """In both directions."""
    assert are_equal(left, right) == is_valid({"const": left}, right)
    assert are_equal(left, left)


@given(values)
def test_the_types_of_a_value_are_those_that_allow_it(value: Any) -> None:
    """A whole number is an integer and a number."""
    assert types_of_value(value) == {name for name in TYPES if is_valid({"type": name}, value)}


@given(values, values)
def test_the_node_of_a_value_admits_that_value_only(value: Any, other: Any) -> None:
    """Objects and arrays have members and items of one value each."""
    assert admits(node_of(value), value)
    assert admits(node_of(value), other) == are_equal(value, other)


@given(constants, values)
def test_constants_are_those_that_the_validator_allows(schema: Any, value: Any) -> None:
    """`const` beside `enum` must be one of its values."""
    found = read_constants(schema, types_of_schema(schema, ""))
    assert found.is_exact
    assert admits(Union(found.nodes), value) == is_valid(schema, value)


@pytest.mark.parametrize(
    ("schema", "allowed"),
    [
        ({"enum": ["a", "abc", 1], "type": "string"}, ["a", "abc"]),
        ({"enum": ["a", "abc", 1], "maxLength": 1}, ["a", 1]),
        ({"enum": [1, 1.0, True], "minimum": 1}, [1, True]),
        ({"const": {"a": 1}, "required": ["b"]}, []),
    ],
)
def test_other_keywords_filter_constants(schema: Any, allowed: list[Any]) -> None:
    """The validator tells which values are left."""
    found = read_constants(schema, types_of_schema(schema, ""))
    for value in schema.get("enum", [schema.get("const")]):
        assert admits(Union(found.nodes), value) == any(are_equal(value, one) for one in allowed)
