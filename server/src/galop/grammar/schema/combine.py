"""Two schemas that must both hold, as one schema.

Where the result says less than the two together, `Combined.is_exact` is False; it never says more
than they do in a way that would let nothing through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from galop.grammar.schema.values import are_equal


class Combined(NamedTuple):
    """A schema that stands for two."""

    schema: dict[str, Any]
    is_exact: bool


def combine(left: Mapping[str, Any], right: Mapping[str, Any]) -> Combined:
    """What both ask for. Neither has `$ref`, `allOf`, `anyOf` or `oneOf`."""
    result = dict(left)
    is_exact = True
    for keyword, value in right.items():
        if keyword not in result:
            result[keyword] = value
        elif not are_equal(result[keyword], value):
            merge = _MERGES.get(keyword)
            merged = merge(result[keyword], value) if merge else None
            if merged is None:
                is_exact = False
            else:
                result[keyword] = merged
    _close_properties(left, right, result)
    _close_properties(right, left, result)
    return Combined(result, is_exact)


def _close_properties(
    closed: Mapping[str, Any], other: Mapping[str, Any], result: dict[str, Any]
) -> None:
    """Properties that only `other` declares must satisfy what `closed` says of undeclared ones."""
    extra = closed.get("additionalProperties", True)
    if extra is True or extra == {} or "patternProperties" in closed:
        return
    declared = closed.get("properties", {})
    properties = dict(result.get("properties", {}))
    for name, value in other.get("properties", {}).items():
        if name not in declared:
            properties[name] = False if extra is False else {"allOf": [value, extra]}
    result["properties"] = properties


def _both(left: Any, right: Any) -> Any:
    if left is False or right is False:
        return False
    if left is True or left == {}:
        return right
    if right is True or right == {}:
        return left
    return {"allOf": [left, right]}


def _both_by_name(left: Any, right: Any) -> Any:
    if not (isinstance(left, dict) and isinstance(right, dict)):
        return None
    return left | {
        name: _both(left[name], value) if name in left else value for name, value in right.items()
    }


def _types(left: Any, right: Any) -> Any:
    left_types = [left] if isinstance(left, str) else left
    right_types = [right] if isinstance(right, str) else right
    found = []
    for each in left_types:
        if each in right_types or (each == "integer" and "number" in right_types):
            found.append(each)
        elif each == "number" and "integer" in right_types:
            found.append("integer")
    return found


def _common(left: Any, right: Any) -> Any:
    return [each for each in left if any(are_equal(each, other) for other in right)]


def _greatest_multiple(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        return math.lcm(left, right)
    return None


def _larger(left: Any, right: Any) -> Any:
    return max(left, right) if _are_numbers(left, right) else None


def _smaller(left: Any, right: Any) -> Any:
    return min(left, right) if _are_numbers(left, right) else None


def _are_numbers(*values: Any) -> bool:
    return not any(isinstance(value, bool) for value in values)


_MERGES: Mapping[str, Callable[[Any, Any], Any]] = {
    "type": _types,
    "enum": _common,
    "properties": _both_by_name,
    "patternProperties": _both_by_name,
    "required": lambda left, right: list(dict.fromkeys([*left, *right])),
    "additionalProperties": _both,
    "items": lambda left, right: None if isinstance(left, list) else _both(left, right),
    "uniqueItems": lambda left, right: left or right,
    "multipleOf": _greatest_multiple,
    **dict.fromkeys(
        ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"], _larger
    ),
    **dict.fromkeys(
        ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"], _smaller
    ),
}
