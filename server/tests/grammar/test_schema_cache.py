"""A process compiles every schema once, whoever needs it."""

from __future__ import annotations

import json

import pytest

from galop.grammar.calls import calls_schema
from galop.grammar.compiled_schema import compile_schema
from galop.grammar.errors import SchemaError
from galop.grammar.text import document_text
from galop.grammar.validation import schema_validator
from galop.protocol.constraints import CallSyntax, ToolCalls, ToolSpec

SYNTAX = CallSyntax(begin='<call name="', before_arguments='">', end="</call>", trigger="<call")


def schema_of(name: str) -> str:
    properties = {name: {"type": "integer"}}
    return json.dumps({"type": "object", "properties": properties, "required": [name]})


def tool_calls(num_tools: int) -> ToolCalls:
    tools = [ToolSpec(name=f"f{i}", parameters=schema_of(f"p{i}")) for i in range(num_tools)]
    return ToolCalls(tools=tuple(tools), syntax=SYNTAX, is_required=True, max_calls=1)


def test_documents_and_checks_share_a_compiled_schema() -> None:
    """Its shape, its validator and its byte-level grammar."""
    schema = schema_of("shared")
    assert document_text(schema) is document_text(schema)
    assert document_text(schema).schema is compile_schema(schema)
    num_compiled = schema_validator.cache_info().misses
    schema_validator(schema)
    assert schema_validator.cache_info().misses == num_compiled


def test_the_tools_of_a_second_request_are_not_compiled_again() -> None:
    """128 tools, the most that a request may have, fit into the cache."""
    num_before = compile_schema.cache_info().misses
    calls_schema(tool_calls(128), str.encode, is_triggered=False)
    num_first = compile_schema.cache_info().misses
    calls_schema(tool_calls(128), str.encode, is_triggered=False)
    assert num_first - num_before == 128
    assert compile_schema.cache_info().misses == num_first


def test_tools_with_equal_schemas_are_told_apart_by_name() -> None:
    """Both use one compiled schema; a call of either is valid if its arguments are."""
    tools = tuple(ToolSpec(name=name, parameters=schema_of("a")) for name in ("left", "right"))
    calls = ToolCalls(tools=tools, syntax=SYNTAX, is_required=True, max_calls=2)
    shape = calls_schema(calls, str.encode, is_triggered=False)
    for name in ("left", "right"):
        assert shape.is_valid(f'<call name="{name}">{{"a": 1}}</call>')
        assert not shape.is_valid(f'<call name="{name}">{{"a": "1"}}</call>')
    assert shape.lark.count("left") == shape.lark.count("right") > 0


def test_an_unsatisfiable_schema_is_refused_every_time() -> None:
    """The result of the first check is kept."""
    integer = {"type": "integer", "not": {"type": "integer"}}
    text = document_text(
        json.dumps({"type": "object", "properties": {"a": integer}, "required": ["a"]})
    )
    for _ in range(2):
        with pytest.raises(SchemaError):
            text.check()
