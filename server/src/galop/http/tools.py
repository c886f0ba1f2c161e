"""Checks the tools of a request and the calls in its messages; converts them to types of the chat room.

`functions` and `function_call`, the older form of `tools` and `tool_choice`, are converted to the newer
form. `http.encode` converts the response back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from galop.chat.request import TemplateMessage, Tool
from galop.chat.tools.schemas import ParametersError, arguments_schema
from galop.http.schema import (
    AssistantMessage,
    CalledFunction,
    ChatCompletionRequest,
    FunctionDefinition,
    FunctionMessage,
    FunctionName,
    Message,
    NamedToolChoice,
    ToolMessage,
)
from galop.http.validation_messages import quoted, refuse
from galop.protocol.literals import Compat, ToolChoice

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """The tools of a request and how the model may use them."""

    tools: tuple[Tool, ...]
    """Their names are unique."""
    tool_choice: ToolChoice
    """`none` if there are no tools."""
    forced_tool: str | None
    """Name of the tool to call, one of `tools`; only with `tool_choice` `required`."""
    parallel_tool_calls: bool
    """Whether one choice may have several calls."""
    is_legacy: bool
    """The request has `functions`, so the response has `function_call`."""


def tool_use(request: ChatCompletionRequest, *, compat: Compat) -> ToolUse:
    """Checks and converts the tools of `request`. Raises `InvalidRequestError`."""
    if request.tools and request.functions:
        raise refuse("functions", "not allowed beside 'tools', which are their newer form")
    is_legacy = bool(request.functions)
    tools = tuple(_tools(request, compat))
    choice, forced_tool = _tool_choice(request)
    if choice is None:
        choice = "auto" if tools else "none"
    if not tools:
        if choice == "required":
            raise refuse("tool_choice", "only allowed with 'tools'")
        choice = "none"
    if forced_tool is not None and forced_tool not in {tool.name for tool in tools}:
        name = "function_call.name" if is_legacy else "tool_choice.function.name"
        where = "functions" if is_legacy else "tools"
        raise refuse(name, f"'{quoted(forced_tool)}' does not exist in '{where}'")
    return ToolUse(
        tools=tools,
        tool_choice=choice,
        forced_tool=forced_tool,
        parallel_tool_calls=request.parallel_tool_calls is not False and not is_legacy,
        is_legacy=is_legacy,
    )


def _tools(request: ChatCompletionRequest, compat: Compat) -> Iterator[Tool]:
    seen: set[str] = set()
    for where, definition in _definitions(request):
        if not _NAME.fullmatch(definition.name):
            rule = "letters, digits, '_' and '-', 1 to 64 of them"
            raise refuse(f"{where}.name", f"'{quoted(definition.name)}' must be {rule}")
        if definition.name in seen:
            raise refuse(f"{where}.name", f"'{definition.name}' is taken by another function")
        if compat == "groq-2024" and definition.strict is not None:
            raise refuse(f"{where}.strict", "property 'strict' is unsupported")
        seen.add(definition.name)
        yield _tool(where, definition)


def _definitions(request: ChatCompletionRequest) -> Iterator[tuple[str, FunctionDefinition]]:
    for index, tool in enumerate(request.tools or ()):
        yield f"tools.{index}.function", tool.function
    for index, function in enumerate(request.functions or ()):
        yield f"functions.{index}", function


def _tool(where: str, definition: FunctionDefinition) -> Tool:
    try:
        parameters = arguments_schema(definition.parameters)
    except ParametersError as error:
        path = ".".join([where, "parameters", *error.path])
        raise refuse(path, f"no JSON Schema of arguments: {error.reason}") from None
    return Tool(
        name=definition.name,
        description=definition.description,
        parameters=parameters,
        is_strict=bool(definition.strict),
        where=where,
    )


def _tool_choice(request: ChatCompletionRequest) -> tuple[ToolChoice | None, str | None]:
    """The choice (None: not given), and the name of a forced function."""
    chosen: ToolChoice | NamedToolChoice | FunctionName | None
    if request.functions:
        if request.tool_choice is not None:
            raise refuse(
                "tool_choice", "only allowed with 'tools'; 'functions' have 'function_call'"
            )
        chosen = request.function_call
    else:
        if request.function_call not in (None, "none", "auto"):
            raise refuse("function_call", "only allowed with 'functions'")
        chosen = request.tool_choice or request.function_call
    if isinstance(chosen, NamedToolChoice):
        return "required", chosen.function.name
    if isinstance(chosen, FunctionName):
        return "required", chosen.name
    return chosen, None


# --- messages ------------------------------------------------------------------------------------


def with_calls(
    messages: Sequence[Message], template_messages: Sequence[TemplateMessage]
) -> tuple[TemplateMessage, ...]:
    """Adds the tool calls and call ids of `messages` to `template_messages`, which correspond by index.

    Raises `InvalidRequestError` if a result does not belong to a call in an earlier message.
    """
    called: dict[str, str] = {}
    completed = []
    for index, (message, written) in enumerate(zip(messages, template_messages, strict=True)):
        if isinstance(message, AssistantMessage):
            calls = list(_calls(index, message))
            called |= {call["id"]: call["function"]["name"] for call in calls}
            completed.append({**written, "tool_calls": calls} if calls else written)
        elif isinstance(message, ToolMessage):
            if message.tool_call_id not in called:
                raise refuse(
                    f"messages.{index}.tool_call_id",
                    f"'{quoted(message.tool_call_id)}' is not the id of a call in an earlier message",
                )
            name = message.name or called[message.tool_call_id]
            completed.append({**written, "tool_call_id": message.tool_call_id, "name": name})
        elif isinstance(message, FunctionMessage):
            call_id = _latest(message.name, called)
            if call_id is None:
                raise refuse(
                    f"messages.{index}.name",
                    f"'{quoted(message.name)}' is not called in an earlier message",
                )
            completed.append({**written, "tool_call_id": call_id})
        else:
            completed.append(written)
    return tuple(completed)


def _calls(index: int, message: AssistantMessage) -> Iterator[dict[str, Any]]:
    # Any: what chat templates take.
    if message.function_call is not None:
        yield _call(f"call_{index}", message.function_call)
    seen: set[str] = set()
    for position, call in enumerate(message.tool_calls or ()):
        if call.id in seen:
            path = f"messages.{index}.tool_calls.{position}.id"
            raise refuse(path, f"'{quoted(call.id)}' is taken by another call")
        seen.add(call.id)
        yield _call(call.id, call.function)


def _call(call_id: str, function: CalledFunction) -> dict[str, Any]:
    arguments = {"name": function.name, "arguments": _parsed(function.arguments)}
    return {"id": call_id, "type": "function", "function": arguments}


def _parsed(arguments: str) -> Any:
    """`arguments` as an object, which templates expect; unchanged if it is no JSON object."""
    try:
        parsed = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return arguments
    return parsed if isinstance(parsed, dict) else arguments


def _latest(name: str, called: dict[str, str]) -> str | None:
    return next((call_id for call_id in reversed(called) if called[call_id] == name), None)
