"""Calls of functions, in the syntax of a model family, with arguments of the declared schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import msgspec

from galop.grammar.compiled_schema import CompiledSchema, compile_schema
from galop.grammar.lowering import lower
from galop.grammar.rules import Rule
from galop.grammar.schema_ir import ANYTHING, ExtraMembers, Object
from galop.protocol.constraints import CallSyntax, ToolCalls

MAX_CALLS = 64
MAX_INDENTED_JSON = 32
"""Levels of an object in JSON mode that may get lines of their own; deeper ones share a line."""

_DECODER = json.JSONDecoder()


class Call(NamedTuple):
    """A call as it is written."""

    name: str
    arguments: str
    """JSON text."""


def calls_schema(
    wanted: ToolCalls, mark: Callable[[str], bytes], *, is_triggered: bool
) -> CompiledSchema:
    """The text of one or more calls. Raises `SchemaError`.

    `mark` turns control tokens of the syntax into what stands for them. `is_triggered`: the trigger
    has been written already, and the text begins after it.
    """
    syntax = wanted.syntax
    compiled = {tool.name: compile_schema(tool.parameters) for tool in wanted.tools}

    def call_after(opening: str) -> Rule:
        return Rule(
            [
                (
                    mark(opening + syntax.begin + name + syntax.before_arguments),
                    schema.start,
                    mark(syntax.end),
                )
                for name, schema in compiled.items()
            ]
        )

    next_call = call_after(syntax.separator)
    rest = Rule([(mark(syntax.after),)])
    for _ in range(min(wanted.max_calls, MAX_CALLS) - 1):
        rest = Rule([(next_call, rest), (mark(syntax.after),)])
    opening = syntax.before + syntax.begin
    if is_triggered:
        first = Rule(
            [
                (
                    mark((opening + name + syntax.before_arguments).removeprefix(syntax.trigger)),
                    schema.start,
                    mark(syntax.end),
                )
                for name, schema in compiled.items()
            ]
        )
    else:
        first = call_after(syntax.before)

    marked = {name: mark(text).decode("utf-8", "replace") for name, text in _texts_of(syntax)}
    seen = msgspec.structs.replace(syntax, **marked)

    def are_valid(text: str) -> bool:
        calls = list(calls_in(seen.trigger + text if is_triggered else text, seen))
        return bool(calls) and all(compiled[call.name].is_valid(call.arguments) for call in calls)

    is_exact = all(schema.is_exact for schema in compiled.values())
    return CompiledSchema(Rule([(first, rest)]), are_valid, is_exact=is_exact)


def calls_in(text: str, syntax: CallSyntax) -> Iterator[Call]:
    """The calls of a text that is known to follow the syntax."""
    index = len(syntax.before)
    while text.startswith(syntax.begin, index):
        start = index + len(syntax.begin)
        middle = text.index(syntax.before_arguments, start)
        arguments = middle + len(syntax.before_arguments)
        _, end = _DECODER.raw_decode(text, arguments)
        yield Call(text[start:middle], text[arguments:end])
        index = end + len(syntax.end) + len(syntax.separator)


def _texts_of(syntax: CallSyntax) -> Iterator[tuple[str, str]]:
    fields = msgspec.structs.asdict(syntax).items()
    return ((name, value) for name, value in fields if isinstance(value, str))


@cache
def json_object_schema() -> CompiledSchema:
    """JSON mode: any JSON object."""
    members = ExtraMembers(None, ANYTHING)
    lowered = lower(Object((), (members,)), max_indented_free=MAX_INDENTED_JSON)
    return CompiledSchema(lowered.start, lambda _: True, is_exact=True)


def either(left: CompiledSchema, right: CompiledSchema) -> CompiledSchema:
    """Documents of one schema or of the other, which begin differently."""

    def is_valid(text: str) -> bool:
        return left.is_valid(text) or right.is_valid(text)

    start = Rule([(left.start,), (right.start,)])
    return CompiledSchema(start, is_valid, is_exact=left.is_exact and right.is_exact)
