"""The node of strings: lengths, `pattern` and `format`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from galop.grammar.errors import SchemaError
from galop.grammar.lexemes import FORMATS, is_exact_format, is_known_lexeme, samples_of
from galop.grammar.schema.keywords import count_of
from galop.grammar.schema.subschemas import ParsedSchema
from galop.grammar.schema_ir import String, Union


def read_string(schema: Mapping[str, Any], pointer: str) -> ParsedSchema:
    """The node of the strings that the schema at `pointer` allows.

    `pattern` and `format` are in the node where llguidance can compile them; the validator checks
    the others. Raises `SchemaError`.
    """
    min_chars = count_of(schema, "minLength", pointer) or 0
    max_chars = count_of(schema, "maxLength", pointer)
    if max_chars is not None and max_chars < min_chars:
        return ParsedSchema(Union(pointer=pointer, is_never=True), True)
    lexeme, is_exact = _lexeme(schema, pointer)
    is_plain = "pattern" not in schema and schema.get("format") not in FORMATS
    samples = () if is_plain else samples_of(schema)
    if len(lexeme) == 1:
        return ParsedSchema(String(min_chars, max_chars, None, samples), is_exact)
    bounds = {"minLength": min_chars, "maxLength": max_chars}
    whole = {**lexeme, **{key: value for key, value in bounds.items() if key in schema}}
    if not is_known_lexeme(whole):
        return ParsedSchema(String(min_chars, max_chars, None, samples), False)
    return ParsedSchema(String(min_chars, max_chars, whole, samples), is_exact)


def _lexeme(schema: Mapping[str, Any], pointer: str) -> tuple[dict[str, Any], bool]:
    """`type` with those of `pattern` and `format` that compile, and whether they say it all."""
    lexeme: dict[str, Any] = {"type": "string"}
    is_exact = True
    for keyword in ("pattern", "format"):
        value = schema.get(keyword)
        if value is None or (keyword == "format" and value not in FORMATS):
            continue
        if not isinstance(value, str):
            raise SchemaError(f"{pointer}/{keyword}", "must be a string")
        if not is_known_lexeme({"type": "string", **lexeme, keyword: value}):
            is_exact = False
            continue
        lexeme[keyword] = value
        is_exact &= keyword == "pattern" or is_exact_format(value)
    return lexeme, is_exact
