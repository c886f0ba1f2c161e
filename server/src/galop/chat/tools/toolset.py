"""The tools of one request: the constraint on calls, the check of calls, the template's `tools`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from galop.chat.errors import InvalidParameterError, ToolUseFailedError
from galop.chat.formats import ToolFormat
from galop.chat.output.tool_calls import ToolCallParser
from galop.chat.request import ChatRequest, Tool
from galop.chat.tools.schemas import (
    ParametersError,
    check_schema,
    require_grammar,
    why_invalid,
)
from galop.grammar.errors import SchemaError
from galop.protocol.constraints import ToolCalls, ToolSpec

MAX_CALLS = 16
"""Per choice. Without this bound, a model that repeats itself would call until its budget ends."""


class Toolset:
    """The functions that a choice may call."""

    def __init__(
        self, request: ChatRequest, tool_format: ToolFormat, control_token_ids: Mapping[str, int]
    ) -> None:
        """For a request whose tool choice is not `none`.

        `control_token_ids`: by text, the control tokens that delimit calls.
        """
        self.is_required = request.tool_choice == "required"
        is_text = request.response_format == "text" or tool_format.document_syntax is None
        syntax = tool_format.syntax if is_text else tool_format.document_syntax
        assert syntax is not None, "one of the two is there"
        self._syntax = structs.replace(
            syntax, trigger_token_id=control_token_ids.get(syntax.trigger)
        )
        self._callable = {
            tool.name: tool for tool in request.tools if request.forced_tool in (None, tool.name)
        }
        is_single = request.forced_tool is not None or not request.parallel_tool_calls
        self._max_calls = 1 if is_single or not tool_format.has_parallel_calls else MAX_CALLS

    @property
    def constraint(self) -> ToolCalls:
        """The calls that the engine may generate."""
        return ToolCalls(
            tools=tuple(
                ToolSpec(name=tool.name, parameters=tool.parameters)
                for tool in self._callable.values()
            ),
            syntax=self._syntax,
            is_required=self.is_required,
            max_calls=self._max_calls,
        )

    @property
    def is_strict(self) -> bool:
        """True if every function is strict, see `request.Tool.is_strict`."""
        return all(tool.is_strict for tool in self._callable.values())

    def compile(self) -> None:
        """Compile every schema. Raises `InvalidParameterError` if arguments cannot be constrained.

        Milliseconds per schema that is not in the cache: call it on a thread.
        """
        for tool in self._callable.values():
            try:
                require_grammar(tool.parameters, is_strict=tool.is_strict)
            except SchemaError as error:
                path = error.pointer.replace("/", ".")
                raise InvalidParameterError(
                    f"{tool.where}.parameters{path}", f"the schema {error.reason}"
                ) from error

    def parser(self) -> ToolCallParser:
        """A parser for one choice."""
        return ToolCallParser(self._syntax)

    def check(self, name: str, arguments: str) -> None:
        """Raises `ToolUseFailedError` unless the function is declared and its schema allows the arguments.

        The constraint ensures both, except for keywords of a schema that a grammar cannot express.
        """
        tool = self._callable.get(name)
        reason = (
            f"the function '{name}' was not declared"
            if tool is None
            else why_invalid(tool.parameters, arguments)
        )
        if reason is not None:
            failed = msgspec.json.encode(
                {"name": name, "arguments": msgspec.Raw(arguments.encode())}
            )
            raise ToolUseFailedError(reason, failed_generation=failed.decode())


def check_tools(tools: Sequence[Tool]) -> None:
    """Raises `InvalidParameterError` for the first function whose parameters are no JSON Schema.

    Milliseconds per schema that is not in the cache: call it on a thread.
    """
    for tool in tools:
        try:
            check_schema(tool.parameters)
        except ParametersError as error:
            path = ".".join([tool.where, "parameters", *error.path])
            raise InvalidParameterError(
                path, f"no JSON Schema of arguments: {error.reason}"
            ) from None


def template_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """The variable `tools` of chat templates. Any: JSON."""
    return [{"type": "function", "function": _definition(tool)} for tool in tools]


def _definition(tool: Tool) -> dict[str, Any]:
    definition: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        definition["description"] = tool.description
    return {**definition, "parameters": msgspec.json.decode(tool.parameters)}
