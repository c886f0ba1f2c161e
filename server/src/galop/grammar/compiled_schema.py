"""A schema compiled: the rules of its documents, their Lark, and the check of what rules do not say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import jsonschema_rs

from galop.grammar.costs import Costs
from galop.grammar.errors import SchemaError
from galop.grammar.lark import to_lark
from galop.grammar.leaf import INFINITE
from galop.grammar.lowering import lower
from galop.grammar.rules import Rule, depth, reachable
from galop.grammar.schema import read_schema
from galop.grammar.schema.references import escape
from galop.grammar.schema_ir import Schema
from galop.grammar.validation import SCHEMA_CACHE_SIZE, schema_validator

MAX_SCHEMA_BYTES = 256 * 1024
"""Of a schema, as JSON text."""
_MAX_NESTING = 200
"""Levels of objects and arrays in the text of a schema."""
MAX_RULE_DEPTH = 2_000
"""llguidance walks down rules recursively: a stack of 8 MiB ends at some 2,700, and the process with it."""

Check = Callable[[str], bool]
"""True for a whole document, as text, that is valid."""


class CompiledSchema:
    """The grammar of documents of one kind, and the check of what it does not say."""

    def __init__(
        self,
        start: Rule,
        is_valid: Check,
        *,
        is_exact: bool,
        member_names: Sequence[str] = (),
    ) -> None:
        self.start = start
        """The rule of a whole document."""
        self.is_valid = is_valid
        self.is_exact = is_exact
        """True if the rules say all: whatever they allow is valid, and their costs are exact."""
        self.member_names = member_names
        """The declared properties of the outermost object, in order."""

    @cached_property
    def rules(self) -> Sequence[Rule]:
        """All rules of the grammar, the start last: see `rules.reachable`."""
        return reachable(self.start)

    @cached_property
    def lark(self) -> str:
        """The grammar as llguidance reads it."""
        return to_lark(self.rules)


@lru_cache(maxsize=SCHEMA_CACHE_SIZE)
def compile_schema(text: str) -> CompiledSchema:
    """Compile a JSON Schema, given as JSON text, once per process. Raises `SchemaError`.

    Costs milliseconds for ordinary schemas; what a caller can make it cost is bounded.
    """
    if len(text) > MAX_SCHEMA_BYTES:
        raise SchemaError("", f"is larger than {MAX_SCHEMA_BYTES:,} bytes")
    schema = _parsed(text)
    validator = _validator(text)
    node, is_exact = read_schema(schema)
    lowered = lower(node)
    if depth(lowered.start) > MAX_RULE_DEPTH:
        reason = f"has too many properties or items in a row: more than about {MAX_RULE_DEPTH:,}"
        raise SchemaError("", reason)
    _refuse_endless(lowered.start)

    def is_valid(document: str) -> bool:
        try:
            return bool(validator.is_valid(json.loads(document)))
        except (ValueError, RecursionError):
            return False

    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return CompiledSchema(
        lowered.start,
        is_valid,
        is_exact=is_exact and lowered.is_exact,
        member_names=tuple(properties) if isinstance(properties, Mapping) else (),
    )


def _parsed(text: str) -> Schema:
    try:
        schema: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemaError("", "is not JSON") from error
    if not isinstance(schema, dict | bool):
        raise SchemaError("", "must be an object")
    if _nesting(schema) > _MAX_NESTING:
        raise SchemaError("", f"is nested deeper than {_MAX_NESTING} levels")
    return schema


def _validator(text: str) -> Any:
    try:
        return schema_validator(text)
    except jsonschema_rs.ValidationError as error:
        pointer = "".join(f"/{escape(str(part))}" for part in error.instance_path)
        raise SchemaError(pointer, f"is not a JSON Schema: {error.message}") from error
    except ValueError as error:
        raise SchemaError("", f"is not a JSON Schema: {error}") from error


def _refuse_endless(start: Rule) -> None:
    """Raises `SchemaError` at the innermost schema that no finite document satisfies.

    One style of whitespace tells: `start` is a choice of them.
    """
    rules = reachable(Rule(start.sequences[:1]))
    costs = Costs(rules, len)
    if costs.of(costs.start) < INFINITE:
        return
    endless = [rule for rule in rules if rule.pointer and costs.of(rule) >= INFINITE]
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
