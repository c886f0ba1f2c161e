"""The keywords of JSON Schema that constrain a value (drafts 4 to 2020-12), and checks of their values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from galop.grammar.errors import SchemaError
from galop.grammar.schema_ir import Schema

TYPES = ("object", "array", "string", "number", "boolean", "null")
"""The types of JSON. `integer` is a kind of `number`."""

KEYWORDS_BY_TYPE: Mapping[str, frozenset[str]] = {
    "object": frozenset(
        [
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
            "unevaluatedProperties",
        ]
    ),
    "array": frozenset(
        [
            "items",
            "prefixItems",
            "additionalItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "unevaluatedItems",
        ]
    ),
    "string": frozenset(["minLength", "maxLength", "pattern", "format"]),
    "number": frozenset(
        ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
    ),
}
"""Keywords that constrain values of one type and allow every value of another type."""

CONSTRAINTS = frozenset().union(
    *KEYWORDS_BY_TYPE.values(),
    ["type", "enum", "const"],
    ["not", "if", "then", "else", "allOf", "anyOf", "oneOf"],
    ["$ref", "$dynamicRef", "$recursiveRef"],
)
"""Keywords that allow or forbid something.

All others are annotations or unknown. Both are ignored, as JSON Schema (2020-12, Core 6.5) says.
`nullable` is one of them: OpenAPI 3.0 has it, JSON Schema does not, and neither does the validator.
"""

_CONTENT = frozenset(["contentEncoding", "contentMediaType"])
"""Keywords that validators assert in drafts 6 and 7. Later drafts made them annotations."""

CHECKED = frozenset(
    [
        "not",
        "if",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "propertyNames",
        "contains",
        "minContains",
        "maxContains",
        "unevaluatedProperties",
        "unevaluatedItems",
        *_CONTENT,
    ]
)
"""Keywords that nodes do not express. The validator checks them as the document grows."""


def constraints_of(document: Schema) -> frozenset[str]:
    """`CONSTRAINTS` of the draft that the document names by `$schema`."""
    draft = document.get("$schema") if isinstance(document, Mapping) else None
    asserts_content = isinstance(draft, str) and ("draft-06" in draft or "draft-07" in draft)
    return CONSTRAINTS | _CONTENT if asserts_content else CONSTRAINTS


def types_of_schema(schema: Mapping[str, Any], pointer: str) -> Sequence[str]:
    """The types that a schema without references or alternatives allows, in its order.

    A schema without `type` means the types that its keywords constrain, or all of them. Raises
    `SchemaError` for a type that does not exist.
    """
    asked = schema.get("type")
    if asked is None:
        types = [name for name, words in KEYWORDS_BY_TYPE.items() if words & schema.keys()]
        return types or TYPES
    names = [asked] if isinstance(asked, str) else asked
    for name in names:
        if name not in (*TYPES, "integer"):
            raise SchemaError(f"{pointer}/type", f"names the unknown type {json.dumps(name)}")
    if "number" in names:
        names = [name for name in names if name != "integer"]
    return list(dict.fromkeys(names))


def count_of(schema: Mapping[str, Any], keyword: str, pointer: str) -> int | None:
    """A keyword that counts characters, items or properties; None where the schema lacks it.

    Raises `SchemaError` for anything but a number of at least 0.
    """
    value = schema.get(keyword)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise SchemaError(f"{pointer}/{keyword}", "must be a number, at least 0")
    return int(value)


def schemas_of(value: Any, pointer: str) -> list[Any]:
    """The schemas of `allOf`, `anyOf` or `oneOf`. Raises `SchemaError` if there are none."""
    if not isinstance(value, list) or not value:
        raise SchemaError(pointer, "must be an array with at least one schema")
    return value
