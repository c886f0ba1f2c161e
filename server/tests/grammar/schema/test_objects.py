"""The node of objects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from galop.grammar.errors import SchemaError
from galop.grammar.schema.keywords import CHECKED
from galop.grammar.schema.objects import matches, read_object
from galop.grammar.schema.subschemas import Place
from galop.grammar.schema_ir import Object
from server.tests.grammar.schema.leaf_reader import LeafReader
from server.tests.grammar.schema.node_semantics import admits, is_valid
from server.tests.grammar.schema.strategies import (
    NAMES,
    object_keywords,
    of_type,
    typed_schemas,
    values,
)

ROOT = Place("", 0)
members = st.dictionaries(st.sampled_from([*NAMES, "ab", "d"]), values, max_size=4)


@given(of_type("object", object_keywords(typed_schemas)), members)
@example({"type": "object", "properties": {"a": {}}, "patternProperties": {"^a": True}}, {"a": 1})
def test_the_node_admits_the_objects_that_the_validator_allows(schema: Any, value: Any) -> None:
    """A node that is not exact, or with keywords that are checked, may admit more."""
    reader = LeafReader()
    node, is_exact = read_object(schema, ROOT, reader)
    if is_exact and reader.is_exact and CHECKED.isdisjoint(schema):
        assert admits(node, value) == is_valid(schema, value)
    elif is_valid(schema, value):
        assert admits(node, value)


def names_of(schema: Any) -> list[str]:
    node, _ = read_object(schema, ROOT, LeafReader())
    assert isinstance(node, Object)
    return [member.name for member in node.members]


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ({"properties": {"z": {}, "a": {}}, "required": ["m", "a"]}, ["z", "a", "m"]),
        ({"properties": {"z": {}}, "dependentRequired": {"z": ["y"]}}, ["z", "y"]),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, ["a", "b"]),
        (
            {"properties": {"z": {}}, "not": {"required": ["q"]}, "additionalProperties": False},
            ["z"],
        ),
        ({"properties": {"never": False, "a": {}}}, ["a"]),
        ({"propertyNames": {"enum": ["q", "p"]}}, ["q", "p"]),
        ({"propertyNames": {"const": "p"}, "properties": {"z": {}}}, ["z", "p"]),
    ],
)
def test_members_come_in_the_order_of_the_schema(schema: Any, names: list[str]) -> None:
    """Required ones that are not declared follow, then those in keywords that are checked."""
    assert names_of(schema) == names


def test_subschemas_are_read_at_their_places() -> None:
    """Keys of pointers are escaped (RFC 6901)."""
    reader = LeafReader()
    schema = {
        "properties": {"a/b": {}},
        "patternProperties": {"^~": {}},
        "additionalProperties": {"type": "null"},
        "required": ["c"],
    }
    read_object(schema, Place("/x", 1), reader)
    assert reader.pointers == [
        "/x/properties/a~1b",
        "/x/additionalProperties",
        "/x/patternProperties/^~0",
        "/x/additionalProperties",
    ]


@pytest.mark.parametrize(
    ("schema", "least", "most"),
    [
        ({"minProperties": 2, "maxProperties": 3}, 2, 3),
        ({"required": ["a"], "minProperties": 2, "maxProperties": 3}, 1, 2),
        ({"required": ["a", "b"], "minProperties": 1}, 0, None),
    ],
)
def test_counts_bound_the_undeclared_members(schema: Any, least: int, most: int | None) -> None:
    """Required members are counted already."""
    node, is_exact = read_object(schema, ROOT, LeafReader())
    assert isinstance(node, Object)
    assert (node.min_extras, node.max_extras) == (least, most)
    assert is_exact


def test_properties_that_are_no_object_are_refused_with_their_place() -> None:
    """Also where no meta-schema was asked."""
    with pytest.raises(SchemaError) as caught:
        read_object({"properties": []}, Place("/x", 1), LeafReader())
    assert caught.value.pointer == "/x/properties"


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [("b", "abc", True), ("^b", "abc", False), ("^(?!a)", "abc", False), ("(", "abc", False)],
)
def test_a_name_matches_as_the_validator_says(pattern: str, name: str, expected: bool) -> None:
    """Anywhere in the name; what is no pattern matches nothing."""
    assert matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("schema", "has_extras"),
    [
        ({"unevaluatedProperties": False}, False),
        ({"unevaluatedProperties": False, "additionalProperties": True}, True),
        ({"propertyNames": {"enum": ["p"]}}, False),
        ({"propertyNames": {"pattern": "^p"}}, True),
    ],
)
def test_undeclared_members_are_offered_where_they_can_be_valid(
    schema: Any, has_extras: bool
) -> None:
    """`additionalProperties` evaluates what it allows."""
    node, _ = read_object(schema, ROOT, LeafReader())
    assert isinstance(node, Object)
    assert bool(node.extras) is has_extras
