"""The node of numbers: bounds and `multipleOf`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from galop.grammar.errors import SchemaError
from galop.grammar.lexemes import is_known_lexeme, samples_of
from galop.grammar.schema.keywords import KEYWORDS_BY_TYPE
from galop.grammar.schema.subschemas import ParsedSchema
from galop.grammar.schema_ir import Number


def read_number(schema: Mapping[str, Any], pointer: str, *, is_integer: bool) -> ParsedSchema:
    """The node of the numbers that the schema at `pointer` allows.

    Bounds and `multipleOf` are in the node where llguidance can compile them, and are left to the
    validator elsewhere. Raises `SchemaError`.
    """
    bounds = _bounds(schema)
    if not bounds:
        return ParsedSchema(Number(is_integer), True)
    for keyword, value in bounds.items():
        if not isinstance(value, int | float):
            raise SchemaError(f"{pointer}/{keyword}", "must be a number")
    lexeme = {"type": "integer" if is_integer else "number", **bounds}
    if not is_known_lexeme(lexeme):
        return ParsedSchema(Number(is_integer), False)
    # llguidance divides in binary where validators divide decimal fractions.
    is_exact = not isinstance(bounds.get("multipleOf"), float)
    return ParsedSchema(Number(is_integer, lexeme, samples_of(lexeme)), is_exact)


def _bounds(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords for numbers, with the exclusive bounds of draft 4 as later drafts write them."""
    bounds = {key: schema[key] for key in KEYWORDS_BY_TYPE["number"] if key in schema}
    for side in ("Minimum", "Maximum"):
        flag = bounds.get(f"exclusive{side}")
        if isinstance(flag, bool):  # draft 4: a flag beside the bound
            del bounds[f"exclusive{side}"]
            if flag and side.lower() in bounds:
                bounds[f"exclusive{side}"] = bounds.pop(side.lower())
    return bounds
