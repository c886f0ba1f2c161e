"""A whole schema: its nodes admit what the validator allows, and say when they admit more."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given, reject

from galop.grammar.errors import SchemaError
from galop.grammar.schema import MAX_DEPTH, MAX_NODES, read_schema
from galop.grammar.schema_ir import ANYTHING, Array, Node, Object, String, Union
from server.tests.grammar.schema.node_semantics import admits, is_valid
from server.tests.grammar.schema.strategies import documents, schemas, values


@given(schemas, values)
@example({"type": "object", "properties": {"a": {}}, "patternProperties": {"^a": True}}, {"a": 1})
@example({"allOf": [{"const": 1}, {"const": True}]}, 1)
def test_the_nodes_admit_the_values_that_the_validator_allows(schema: Any, value: Any) -> None:
    """Exactly these, or more where `is_exact` is False."""
    node, is_exact = read_schema(schema)
    if is_exact:
        assert admits(node, value) == is_valid(schema, value)
    elif is_valid(schema, value):
        assert admits(node, value)


@given(documents, values)
@example({"$defs": {"x": {"allOf": [{"$ref": "#/$defs/x"}]}}, "$ref": "#/$defs/x"}, 1)
def test_references_in_a_circle_end(document: Any, value: Any) -> None:
    """Only a reference that leads to nothing but itself is refused, so it is left out here."""
    try:
        node, is_exact = read_schema(document)
    except SchemaError:
        reject()
    if is_exact:
        assert admits(node, value) == is_valid(document, value)
    elif is_valid(document, value):
        assert admits(node, value)


def test_a_schema_that_is_named_twice_is_merged_once() -> None:
    """Each level names the one below twice: merged each time, there would be a million."""
    levels = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n - 1}"}, {"$ref": f"#/$defs/d{n - 1}"}]}
        for n in range(1, 21)
    }
    document = {"$ref": "#/$defs/d20", "$defs": {"d0": {"type": "integer"}, **levels}}
    started_s = time.process_time()
    node, is_exact = read_schema(document)
    assert time.process_time() - started_s < 1
    assert is_exact
    assert admits(node, 1)
    assert not admits(node, "a")


@pytest.mark.parametrize(
    ("schema", "is_exact"),
    [
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, True),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, True),
        ({"oneOf": [{"type": "string"}, {"maxLength": 2}]}, False),
        ({"allOf": [{"minLength": 1}, {"maxLength": 2}]}, True),
        ({"allOf": [{"pattern": "a"}, {"pattern": "b"}]}, False),
        ({"type": "string", "not": {"const": "a"}}, False),
        ({"type": "object", "if": {}, "then": {}}, False),
    ],
)
def test_it_is_known_whether_nodes_say_all(schema: Any, is_exact: bool) -> None:
    """Where they do not, documents are checked as they grow."""
    assert read_schema(schema).is_exact is is_exact


def only_option(node: Node) -> Node:
    """Through unions of one."""
    while isinstance(node, Union):
        (node,) = node.options
    return node


def test_a_recursive_schema_is_a_cycle_of_nodes() -> None:
    """Each subschema is read once."""
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    node, is_exact = read_schema(schema)
    outer = only_option(node)
    assert isinstance(outer, Object)
    assert outer.members[0].value is node
    assert is_exact


def test_recursion_through_all_of_ends() -> None:
    """Merged schemas with the same content are one node."""
    schema = {
        "$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}},
        "allOf": [{"$ref": "#/$defs/n"}, {"required": ["next"]}],
    }
    assert admits(read_schema(schema).node, {"next": {}})
    assert not admits(read_schema(schema).node, {})


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (("allOf", "properties"), ["a", "r", "b"]),
        (("properties", "allOf"), ["b", "a", "r"]),
        (("$ref", "properties", "allOf"), ["s", "b", "a", "r"]),
        (("allOf", "required", "$ref"), ["a", "r", "s", "q"]),
    ],
)
def test_members_of_merged_schemas_come_in_the_order_of_the_text(
    keys: tuple[str, ...], names: list[str]
) -> None:
    """What is inherited comes first where `allOf` or `$ref` stands first."""
    asked: dict[str, Any] = {
        "allOf": [{"properties": {"a": {}}}, {"properties": {"r": {}}}],
        "$ref": "#/$defs/s",
        "properties": {"b": {}},
        "required": ["q"],
    }
    schema = {key: asked[key] for key in keys}
    merged = only_option(read_schema({**schema, "$defs": {"s": {"properties": {"s": {}}}}}).node)
    assert isinstance(merged, Object)
    assert [member.name for member in merged.members] == names


@pytest.mark.parametrize(
    ("schema", "kind"),
    [({"maxLength": 1}, String), ({"items": {}}, Array), ({"required": ["a"]}, Object)],
)
def test_keywords_of_one_type_mean_that_type(schema: Any, kind: type[Node]) -> None:
    """Narrower than JSON Schema, on purpose: nobody who writes `properties` wants a string."""
    assert isinstance(only_option(read_schema(schema).node), kind)


def test_annotations_constrain_nothing() -> None:
    """Unknown keywords do not either."""
    assert only_option(read_schema({"title": "x", "x-y": {"type": "null"}}).node) is ANYTHING
    assert read_schema(True).node is ANYTHING


@pytest.mark.parametrize(
    ("schema", "pointer", "reason"),
    [
        (
            {"properties": {"a": {"$dynamicRef": "#n"}}},
            "/properties/a/$dynamicRef",
            "is not supported",
        ),
        ({"items": {"$ref": "#/$defs/x"}}, "/items/$ref", "which the schema lacks"),
        ({"properties": {"a": {"type": "strin"}}}, "/properties/a/type", "unknown type"),
        ({"anyOf": [{"anyOf": []}]}, "/anyOf/0/anyOf", "at least one schema"),
        ({"properties": {"a": 7}}, "/properties/a", "must be a schema"),
        ({"$defs": {"x": {"$ref": "#/$defs/x"}}, "$ref": "#/$defs/x"}, "/$defs/x", "deeper than"),
    ],
)
def test_a_refusal_has_the_pointer_of_the_keyword(schema: Any, pointer: str, reason: str) -> None:
    """RFC 6901."""
    with pytest.raises(SchemaError, match=reason) as caught:
        read_schema(schema)
    assert caught.value.pointer == pointer


def nested(depth: int) -> Any:
    schema: Any = {"type": "integer"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def test_schemas_are_nested_to_a_bound() -> None:
    """The bound itself is served."""
    read_schema(nested(MAX_DEPTH))
    with pytest.raises(SchemaError, match="deeper"):
        read_schema(nested(MAX_DEPTH + 1))


def test_the_number_of_nodes_has_a_bound() -> None:
    """Each subschema is one."""
    properties = {f"p{index}": {"type": "null"} for index in range(MAX_NODES)}
    with pytest.raises(SchemaError, match="parts"):
        read_schema({"type": "object", "properties": properties})


def test_alternatives_are_multiplied_to_a_bound() -> None:
    """Combinations beyond it cannot be written, and the schema is not exact."""
    choices = [{"anyOf": [{"required": [name + end]} for name in "abcdefghi"]} for end in "xy"]
    node, is_exact = read_schema({"type": "object", "allOf": choices})
    assert isinstance(node, Union)
    assert len(node.options) == 64
    assert not is_exact
