"""The tools of one request: the constraint on calls, and the check of calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from galop.chat.errors import InvalidParameterError, ToolUseFailedError
from galop.chat.formats import ToolFormat, tool_format_of
from galop.chat.request import Tool
from galop.chat.tools.toolset import MAX_CALLS, Toolset, check_tools, template_tools
from server.tests.chat.conftest import chat_request
from server.tests.chat.tools import templates

NUMBER = '{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}'
ADD = Tool(name="add", parameters=NUMBER, description="Adds.", is_strict=True)
LOG = Tool(name="log", parameters=NUMBER)
GENERIC = tool_format_of(None, takes_tools=False)
LLAMA3 = tool_format_of(templates.LLAMA3, takes_tools=True)


def toolset(tool_format: ToolFormat = GENERIC, **fields: Any) -> Toolset:
    values = {"tools": (ADD, LOG), "tool_choice": "auto"} | fields
    return Toolset(chat_request(**values), tool_format, {"<tool_call>": 300})


@pytest.mark.parametrize(
    ("tool_format", "fields", "max_calls"),
    [
        (GENERIC, {}, MAX_CALLS),
        (GENERIC, {"parallel_tool_calls": False}, 1),
        (GENERIC, {"tool_choice": "required", "forced_tool": "add"}, 1),
        (LLAMA3, {}, 1),
    ],
)
def test_the_number_of_calls_is_bounded(
    tool_format: ToolFormat, fields: dict[str, Any], max_calls: int
) -> None:
    """To one if the request or the model's format allows no more."""
    assert toolset(tool_format, **fields).constraint.max_calls == max_calls


def test_a_forced_tool_is_the_only_one() -> None:
    """In the constraint and in the check."""
    forced = toolset(tool_choice="required", forced_tool="log")
    assert [tool.name for tool in forced.constraint.tools] == ["log"]
    assert forced.is_required
    with pytest.raises(ToolUseFailedError, match="not declared"):
        forced.check("add", '{"a": 1}')


def test_the_trigger_has_the_id_of_its_control_token() -> None:
    """If the vocabulary has one."""
    assert toolset().constraint.syntax.trigger_token_id == 300
    assert toolset(LLAMA3).constraint.syntax.trigger_token_id is None


def test_json_mode_uses_the_syntax_that_no_document_begins_with() -> None:
    """If the format has one."""
    text, json_mode = toolset(LLAMA3), toolset(LLAMA3, response_format="json_object")
    assert text.constraint.syntax.trigger == '{"name": "'
    assert json_mode.constraint.syntax.trigger == "<|python_tag|>"
    both = toolset(response_format="json_object").constraint.syntax
    assert both == toolset().constraint.syntax


def test_tools_are_strict_only_together() -> None:
    """One that is not makes the constraint lenient."""
    assert not toolset().is_strict
    assert toolset(tool_choice="required", forced_tool="add").is_strict


@pytest.mark.parametrize("arguments", ['{"a": "1"}', "{}", "[1]"])
def test_invalid_arguments_are_refused_with_the_call(arguments: str) -> None:
    """The error has the call as JSON."""
    with pytest.raises(ToolUseFailedError) as caught:
        toolset().check("add", arguments)
    call = json.loads(caught.value.failed_generation)
    assert call == {"name": "add", "arguments": json.loads(arguments)}


def test_a_schema_without_documents_is_refused_if_strict() -> None:
    """With the path of the tool."""
    never = '{"type":"object","properties":{"a":{"enum":[1],"not":{"const":1}}},"required":["a"]}'
    tool = Tool(name="f", parameters=never, is_strict=True, where="tools.3.function")
    with pytest.raises(InvalidParameterError) as caught:
        toolset(tools=(ADD, tool)).compile()
    assert caught.value.param.startswith("tools.3.function.parameters")


def test_parameters_that_are_no_schema_are_refused() -> None:
    """With the path inside the schema."""
    tool = Tool(name="f", parameters='{"type": 3}', where="tools.1.function")
    with pytest.raises(InvalidParameterError) as caught:
        check_tools([ADD, tool])
    assert caught.value.param == "tools.1.function.parameters.type"


def test_templates_get_tools_as_the_api_writes_them() -> None:
    """A description only if there is one."""
    parameters = json.loads(NUMBER)
    assert template_tools([ADD, LOG]) == [
        {
            "type": "function",
            "function": {"name": "add", "description": "Adds.", "parameters": parameters},
        },
        {"type": "function", "function": {"name": "log", "parameters": parameters}},
    ]
