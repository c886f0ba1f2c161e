"""The node of arrays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.schema.arrays import read_array
from galop.grammar.schema.keywords import CHECKED
from galop.grammar.schema.subschemas import Place
from galop.grammar.schema_ir import Array, Union
from server.tests.grammar.schema.leaf_reader import LeafReader
from server.tests.grammar.schema.node_semantics import admits, is_valid
from server.tests.grammar.schema.strategies import array_keywords, of_type, typed_schemas, values

ROOT = Place("", 0)


@given(of_type("array", array_keywords(typed_schemas)), st.lists(values, max_size=4))
def test_the_node_admits_the_arrays_that_the_validator_allows(schema: Any, value: Any) -> None:
    """A node that is not exact, or with `contains`, may admit more."""
    reader = LeafReader()
    node, is_exact = read_array(schema, ROOT, reader)
    if is_exact and reader.is_exact and CHECKED.isdisjoint(schema):
        assert admits(node, value) == is_valid(schema, value)
    elif is_valid(schema, value):
        assert admits(node, value)


@pytest.mark.parametrize(
    ("schema", "pointers"),
    [
        (
            {"prefixItems": [{}, {}], "items": {}},
            ["/a/prefixItems/0", "/a/prefixItems/1", "/a/items"],
        ),
        ({"items": [{}], "additionalItems": {}}, ["/a/items/0", "/a/additionalItems"]),
        ({"prefixItems": [{}], "items": False}, ["/a/prefixItems/0"]),
    ],
)
def test_items_are_read_at_their_places(schema: Any, pointers: list[str]) -> None:
    """Tuples are `prefixItems` since 2020-12 and lists of `items` before."""
    reader = LeafReader()
    read_array(schema, Place("/a", 1), reader)
    assert reader.pointers == pointers


def test_unique_items_are_left_to_the_check() -> None:
    """The node says so, and rules that end a document vary its items."""
    node, is_exact = read_array({"uniqueItems": True}, ROOT, LeafReader())
    assert isinstance(node, Array)
    assert node.is_unique
    assert not is_exact


@pytest.mark.parametrize(
    ("schema", "min_items"),
    [
        ({"contains": {}}, 1),
        ({"contains": {}, "minContains": 3}, 3),
        ({"contains": {}, "minContains": 2.0, "minItems": 1}, 2),
        ({"contains": {}, "minContains": 0}, 0),
        ({"minContains": 3}, 0),
    ],
)
def test_contained_items_count_as_items(schema: Any, min_items: int) -> None:
    """`minContains` alone means nothing. 2.0 is the number 2."""
    node, _ = read_array(schema, ROOT, LeafReader())
    for each in node.options if isinstance(node, Union) else [node]:
        assert isinstance(each, Array)
        assert each.min_items == min_items
        assert isinstance(each.min_items, int)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"contains": {"minimum": 100}}, [100]),
        ({"contains": {"const": 1}, "minContains": 2.0}, [1, 1]),
        ({"contains": {"const": 1}, "items": {"type": "integer"}, "minItems": 2}, [1, 5]),
        ({"contains": {"const": 1}, "prefixItems": [True], "items": False}, [1]),
    ],
)
def test_arrays_that_begin_with_contained_items_are_an_option_of_their_own(
    schema: Any, value: Any
) -> None:
    """So that an ending is found that the validator allows."""
    node, _ = read_array(schema, ROOT, LeafReader())
    assert isinstance(node, Union)
    first, any_array = node.options
    assert admits(first, value)
    assert not admits(first, [0] * len(value))
    assert admits(any_array, value)
