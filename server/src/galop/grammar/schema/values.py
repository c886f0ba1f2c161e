"""JSON values that a schema names by `enum` and `const`: equality, types, text, and their nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from galop.grammar.schema.keywords import CHECKED
from galop.grammar.schema_ir import Array, Member, Node, Object, Texts
from galop.grammar.validation import validator_of


class Constants(NamedTuple):
    """The nodes of the values that `enum` and `const` leave: one of them holds."""

    nodes: list[Node]
    is_exact: bool


def read_constants(schema: Mapping[str, Any], types: Sequence[str]) -> Constants:
    """The values of `enum` and `const` that the other keywords of the schema allow.

    `types` are those of the schema (`types_of_schema`).
    """
    values = list(schema.get("enum", [schema.get("const")]))
    if "const" in schema:
        values = [value for value in values if are_equal(value, schema["const"])]
    if "type" in schema:
        values = [value for value in values if types_of_value(value) & set(types)]
    others = schema.keys() - {"enum", "const", "type"} - CHECKED
    is_exact = True
    if others:
        values, is_exact = _allowed(values, {key: schema[key] for key in others})
    scalars = [value for value in values if not isinstance(value, dict | list)]
    nodes: list[Node] = []
    if scalars:
        nodes.append(Texts(tuple(dict.fromkeys(map(json_text, scalars)))))
    nodes += [node_of(value) for value in values if isinstance(value, dict | list)]
    return Constants(nodes, is_exact)


def are_equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: 1 equals 1.0, and does not equal true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(are_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(are_equal(left[key], right[key]) for key in left)
    return bool(left == right)


def types_of_value(value: Any) -> set[str]:
    """The names of types that describe the value: a whole number has two."""
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int):
        return {"integer", "number"}
    if isinstance(value, float):
        return {"number", "integer"} if value.is_integer() else {"number"}
    if isinstance(value, str):
        return {"string"}
    return {"object"} if isinstance(value, dict) else {"array"}


def node_of(value: Any) -> Node:
    """The node that exactly one value satisfies."""
    if isinstance(value, dict):
        members = [Member(name, node_of(each), True) for name, each in value.items()]
        return Object(members, ())
    if isinstance(value, list):
        items = [node_of(each) for each in value]
        return Array(items, None, len(items), len(items))
    return Texts((json_text(value),))


def json_text(value: Any) -> bytes:
    """The JSON text of a scalar, in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _allowed(values: list[Any], schema: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """The values that satisfy `schema`; all of them, and False, if no validator can be made."""
    try:
        validator = validator_of(dict(schema))
    except ValueError:
        return values, False
    return [value for value in values if validator.is_valid(value)], True
