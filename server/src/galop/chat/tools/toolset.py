"""One request's tools: what the prompt says of them, what may be called, and what was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from galop.chat.errors import InvalidParameterError, ToolUseFailedError
from galop.chat.formats import ToolFamily
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
"""In one answer: a model that repeats itself would go on until its budget ends."""


class Toolbox:
    """The functions that one answer may call."""

    def __init__(
        self, request: ChatRequest, family: ToolFamily, control_token_ids: Mapping[str, int]
    ) -> None:
        """For a request whose tool choice is not `none`.

        `control_token_ids`: by their texts, the control tokens that calls are written with.
        """
        self.is_required = request.tool_choice == "required"
        is_text = request.response_format == "text" or family.document_syntax is None
        syntax = family.syntax if is_text else family.document_syntax
        assert syntax is not None, "one of the two is there"
        self._syntax = structs.replace(
            syntax, trigger_token_id=control_token_ids.get(syntax.trigger)
        )
        self._callable = {
            tool.name: tool for tool in request.tools if request.forced_tool in (None, tool.name)
        }
        is_single = request.forced_tool is not None or not request.parallel_tool_calls
        self._max_calls = 1 if is_single or not family.has_parallel_calls else MAX_CALLS

    @property
    def spec(self) -> ToolCalls:
        """What the engine is asked to allow."""
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
        """True where every function asks to be refused rather than checked afterwards."""
        return all(tool.is_strict for tool in self._callable.values())

    def compile(self) -> None:
        """Raises `InvalidParameterError` where arguments cannot be constrained.

        Takes milliseconds for each function that is new: call it on a thread.
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
        """For the text of one choice."""
        return ToolCallParser(self._syntax)

    def check(self, name: str, arguments: str) -> None:
        """Raises `ToolUseFailedError` unless this is a call of a declared function as declared.

        The constraint sees to that; this is for schemas that say more than a grammar can.
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
    """Raises `InvalidParameterError` at the first function whose parameters are no JSON Schema.

    Takes milliseconds for each function that is new: call it on a thread.
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
    """As chat templates take them in the variable `tools`. Any: JSON."""
    return [{"type": "function", "function": _definition(tool)} for tool in tools]


def _definition(tool: Tool) -> dict[str, Any]:
    definition: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        definition["description"] = tool.description
    return {**definition, "parameters": msgspec.json.decode(tool.parameters)}
