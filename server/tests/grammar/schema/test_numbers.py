"""The node of numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.errors import SchemaError
from galop.grammar.schema.numbers import read_number
from galop.grammar.schema_ir import Number
from server.tests.grammar.schema.node_semantics import admits, is_valid
from server.tests.grammar.schema.strategies import number_keywords

numbers = st.integers(-3, 8) | st.sampled_from([0.5, 1.0, 1.25, 2.5, 2.0001])


@given(number_keywords, st.booleans(), numbers)
def test_the_node_admits_the_numbers_that_the_validator_allows(
    schema: Any, is_integer: bool, value: float
) -> None:
    """1.0 is an integer. A node that is not exact may admit more."""
    node, is_exact = read_number(schema, "", is_integer=is_integer)
    is_allowed = is_valid({"type": "integer" if is_integer else "number", **schema}, value)
    if is_exact:
        assert admits(node, value) == is_allowed
    elif is_allowed:
        assert admits(node, value)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        ({"minimum": 1, "exclusiveMinimum": False}, {"minimum": 1}),
        (
            {"maximum": 1, "exclusiveMaximum": True, "minimum": 0},
            {"exclusiveMaximum": 1, "minimum": 0},
        ),
    ],
)
def test_exclusive_bounds_of_draft_4_are_flags(schema: Any, expected: Any) -> None:
    """The node has them as later drafts write them."""
    node, is_exact = read_number(schema, "", is_integer=True)
    assert isinstance(node, Number)
    assert node.schema == {"type": "integer", **expected}
    assert is_exact


def test_decimal_multiples_are_left_to_the_check() -> None:
    """0.07 is no multiple of 0.01 in binary."""
    assert not read_number({"multipleOf": 0.01}, "", is_integer=False).is_exact


def test_a_bound_that_is_no_number_is_refused_with_its_place() -> None:
    """Also where no meta-schema was asked."""
    with pytest.raises(SchemaError) as caught:
        read_number({"minimum": "1"}, "/a", is_integer=False)
    assert caught.value.pointer == "/a/minimum"
