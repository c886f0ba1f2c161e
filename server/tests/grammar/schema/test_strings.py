"""The node of strings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.errors import SchemaError
from galop.grammar.schema.strings import read_string
from galop.grammar.schema_ir import String
from server.tests.grammar.schema.node_semantics import admits, is_valid
from server.tests.grammar.schema.strategies import of_type, string_keywords

strings = st.text("abcé\U0001f600", max_size=5)


@given(of_type("string", string_keywords), strings)
def test_the_node_admits_the_strings_that_the_validator_allows(schema: Any, value: str) -> None:
    """Lengths count Unicode characters. A node that is not exact may admit more."""
    node, is_exact = read_string(schema, "")
    if is_exact:
        assert admits(node, value) == is_valid(schema, value)
    elif is_valid(schema, value):
        assert admits(node, value)


@pytest.mark.parametrize(
    ("schema", "is_exact"),
    [
        ({"pattern": "^[a-c]+$"}, True),
        ({"pattern": "^(?!a)[a-c]+$"}, False),
        ({"format": "uuid"}, True),
        ({"format": "email"}, False),
        ({"format": "colour"}, True),
    ],
)
def test_what_does_not_compile_exactly_is_left_to_the_check(schema: Any, is_exact: bool) -> None:
    """An unknown format means nothing."""
    assert read_string(schema, "").is_exact is is_exact


def test_a_pattern_gives_samples() -> None:
    """Endings of documents are made from them."""
    node, _ = read_string({"pattern": "^[A-Z]{2}-[0-9]+$"}, "")
    assert isinstance(node, String)
    assert any(
        is_valid({"pattern": "^[A-Z]{2}-[0-9]+$"}, text.decode()[1:-1]) for text in node.samples
    )


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"minLength": -1}, "/a/minLength"),
        ({"maxLength": True}, "/a/maxLength"),
        ({"pattern": 7}, "/a/pattern"),
    ],
)
def test_a_malformed_keyword_is_refused_with_its_place(schema: Any, pointer: str) -> None:
    """Also where no meta-schema was asked."""
    with pytest.raises(SchemaError) as caught:
        read_string(schema, "/a")
    assert caught.value.pointer == pointer
