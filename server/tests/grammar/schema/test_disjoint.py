"""Schemas that exclude each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.schema.disjoint import are_disjoint
from server.tests.grammar.schema.node_semantics import is_valid
from server.tests.grammar.schema.strategies import typed_schemas, values


@given(st.lists(typed_schemas, min_size=2, max_size=3), values)
def test_no_value_satisfies_two_disjoint_schemas(schemas: list[Any], value: Any) -> None:
    """jsonschema-rs is asked."""
    if are_disjoint(schemas):
        assert sum(is_valid(each, value) for each in schemas) <= 1


def tagged(value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"t": {"const": value}}, "required": ["t"], **more}


@pytest.mark.parametrize(
    ("schemas", "expected"),
    [
        ([{"type": "string"}, {"type": ["null", "array"]}], True),
        ([{"type": "integer"}, {"type": "number"}], False),
        ([{"enum": [1, 2]}, {"const": True}], True),
        ([{"enum": [1, 2]}, {"const": 2.0}], False),
        ([tagged("a"), tagged("b")], True),
        ([tagged("a"), tagged("b"), tagged("a")], False),
        ([tagged("a"), tagged("b", required=[])], False),
        ([{"type": "string"}, True], False),
        ([{}, {"type": "string"}], False),
    ],
)
def test_types_and_constants_tell(schemas: list[Any], expected: bool) -> None:
    """Also constants of a required property, as in tagged unions."""
    assert are_disjoint(schemas) is expected
