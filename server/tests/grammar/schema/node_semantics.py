"""What nodes mean, in a few lines: the independent reading that tests compare with the validator."""

from __future__ import annotations

import json
import re
from typing import Any

from galop.grammar.schema.values import are_equal, types_of_value
from galop.grammar.schema_ir import Anything, Array, Node, Number, Object, String, Texts, Union
from galop.grammar.validation import validator_of


def admits(node: Node, value: Any) -> bool:
    """Whether a document of the node can be this value; the order of members is not looked at."""
    match node:
        case Anything():
            return True
        case Union():
            return any(admits(option, value) for option in node.options)
        case Texts():
            return any(are_equal(json.loads(text), value) for text in node.values)
        case String():
            return isinstance(value, str) and _is_string(node, value)
        case Number():
            kind = "integer" if node.is_integer else "number"
            return kind in types_of_value(value) and _satisfies(node.schema, value)
        case Array():
            return isinstance(value, list) and _is_array(node, value)
        case Object():
            return isinstance(value, dict) and _is_object(node, value)


def is_valid(schema: Any, value: Any) -> bool:
    """As jsonschema-rs says."""
    return bool(validator_of(schema).is_valid(value))


def _satisfies(schema: Any, value: Any) -> bool:
    return schema is None or is_valid(dict(schema), value)


def _is_string(node: String, value: str) -> bool:
    most = len(value) if node.max_chars is None else node.max_chars
    return node.min_chars <= len(value) <= most and _satisfies(node.schema, value)


def _is_array(node: Array, value: list[Any]) -> bool:
    most = len(value) if node.max_items is None else node.max_items
    if not node.min_items <= len(value) <= most:
        return False
    others = value[len(node.prefix) :]
    return all(map(admits, node.prefix, value)) and (
        not others or (node.items is not None and all(admits(node.items, each) for each in others))
    )


def _is_object(node: Object, value: dict[str, Any]) -> bool:
    members = {member.name: member for member in node.members}
    extras = {name: each for name, each in value.items() if name not in members}
    most = len(extras) if node.max_extras is None else node.max_extras
    least = 0 if members.keys() & value.keys() and not _all_required(node) else node.min_extras
    if not least <= len(extras) <= most:
        return False
    if any(member.is_required and name not in value for name, member in members.items()):
        return False
    return all(
        admits(members[name].value, each) if name in members else _is_extra(node, name, each)
        for name, each in value.items()
    )


def _all_required(node: Object) -> bool:
    return all(member.is_required for member in node.members)


def _is_extra(node: Object, name: str, value: Any) -> bool:
    return name not in node.declared and any(
        (extra.pattern is None or re.fullmatch(extra.pattern, name) is not None)
        and admits(extra.value, value)
        for extra in node.extras
    )
