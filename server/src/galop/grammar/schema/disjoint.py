"""Whether schemas exclude each other, so that `oneOf` of them is the same as `anyOf`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from galop.grammar.schema.values import are_equal


def are_disjoint(options: Any) -> bool:
    """True if no value can satisfy two of them, told by their types or by a constant property."""
    if not isinstance(options, list) or not all(isinstance(each, Mapping) for each in options):
        return False
    return all(_are_two_disjoint(left, right) for left, right in itertools.combinations(options, 2))


def _are_two_disjoint(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    left_types, right_types = _declared_types(left), _declared_types(right)
    if left_types and right_types and not left_types & right_types:
        return True
    left_values, right_values = _declared_values(left), _declared_values(right)
    if left_values is not None and right_values is not None:
        return not any(are_equal(one, other) for one in left_values for other in right_values)
    if left_types == right_types == {"object"}:
        shared = set(left.get("required", [])) & set(right.get("required", []))
        for name in shared:
            one = left.get("properties", {}).get(name)
            other = right.get("properties", {}).get(name)
            if (
                isinstance(one, Mapping)
                and isinstance(other, Mapping)
                and "$ref" not in (*one, *other)
                and _are_two_disjoint(one, other)
            ):
                return True
    return False


def _declared_types(schema: Mapping[str, Any]) -> set[str]:
    asked = schema.get("type", [])
    types = {asked} if isinstance(asked, str) else set(asked)
    return types | {"number"} if "integer" in types else types


def _declared_values(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None
