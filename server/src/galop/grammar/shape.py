"""A document's grammar, ready to compile: rules, Lark, and the schema where rules do not say it all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import jsonschema_rs
from llguidance import LLMatcher

from galop.grammar.errors import SchemaError
from galop.grammar.layout import lay_out
from galop.grammar.lexemes import byte_tokenizer
from galop.grammar.nodes import Schema
from galop.grammar.rules import INFINITE, Costs, Rule, reachable, to_lark
from galop.grammar.schema import read_schema

MAX_SCHEMA_BYTES = 256 * 1024
_MAX_NESTING = 200
_MAX_LARK_BYTES = 4 * 1024 * 1024

Check = Callable[[str], bool]
"""Whether a whole document, as text, is valid."""


class DocumentShape:
    """How documents of one kind are written, and which are valid."""

    def __init__(self, start: Rule, check: Check | None = None) -> None:
        self.start = start
        self.check = check
        """None where the rules say all: whatever they allow is valid."""

    @cached_property
    def lark(self) -> str:
        """For llguidance."""
        return to_lark(self.start)


def schema_shape(text: str) -> DocumentShape:
    """For a JSON Schema given as JSON text. Raises `SchemaError`.

    Costs milliseconds for ordinary schemas; what a caller can make it cost is bounded.
    """
    if len(text) > MAX_SCHEMA_BYTES:
        raise SchemaError("", f"is larger than {MAX_SCHEMA_BYTES:,} bytes")
    schema = _parsed(text)
    validator = _validator(schema)
    node, is_exact = read_schema(schema)
    layout = lay_out(node)
    _refuse_endless(layout.start)

    def is_valid(document: str) -> bool:
        try:
            return validator.is_valid(json.loads(document))
        except (ValueError, RecursionError):
            return False

    return DocumentShape(layout.start, None if is_exact and layout.is_exact else is_valid)


def check_compiles(shape: DocumentShape) -> None:
    """Raises `SchemaError` if llguidance refuses the grammar."""
    if len(shape.lark) > _MAX_LARK_BYTES:
        raise SchemaError("", "makes a grammar that is too large")
    matcher = LLMatcher(byte_tokenizer(), LLMatcher.grammar_from_lark(shape.lark), log_level=0)
    if matcher.is_error():
        raise SchemaError("", f"makes no grammar: {matcher.get_error().splitlines()[0]}")


def _parsed(text: str) -> Schema:
    try:
        schema: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemaError("", "is not JSON") from error
    if not isinstance(schema, Mapping | bool):
        raise SchemaError("", "must be an object")
    if _nesting(schema) > _MAX_NESTING:
        raise SchemaError("", f"is nested deeper than {_MAX_NESTING} levels")
    return schema


def _validator(schema: Schema) -> Any:
    try:
        return jsonschema_rs.validator_for(
            schema, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except jsonschema_rs.ValidationError as error:
        pointer = "".join(f"/{part}" for part in error.instance_path)
        raise SchemaError(pointer, f"is not a JSON Schema: {error.message}") from error
    except ValueError as error:
        raise SchemaError("", f"is not a JSON Schema: {error}") from error


def _refuse_endless(start: Rule) -> None:
    """Raises `SchemaError` at the innermost schema that no finite document satisfies."""
    costs = Costs(start, len)
    if costs.of(start) < INFINITE:
        return
    endless = [rule for rule in reachable(start) if rule.pointer and costs.of(rule) >= INFINITE]
    pointer = max((rule.pointer for rule in endless), key=len, default="")
    raise SchemaError(pointer, "is satisfied by no finite document")


def _nesting(value: Any) -> int:
    depth = 0
    level = [value]
    while level:
        depth += 1
        level = [
            each
            for outer in level
            if isinstance(outer, dict | list)
            for each in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth
