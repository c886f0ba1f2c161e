"""What templates are given of calls and results."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from galop.chat import ChatTemplate
from galop.chat.formats import tool_format_of
from galop.chat.prompt.offered_tools import template_input
from galop.chat.request import Tool
from server.tests.chat.tools import templates

TOOL = Tool(name="add", description="Adds.", parameters='{"type":"object"}')
USER = {"role": "user", "content": "2 + 2, 3 + 3?"}


def call(call_id: str, **arguments: int) -> dict[str, Any]:
    function = {"name": "add", "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


CONVERSATION: list[dict[str, Any]] = [
    USER,
    {"role": "assistant", "content": "", "tool_calls": [call("call_1", a=2), call("call_2", a=3)]},
    {"role": "tool", "content": "4", "tool_call_id": "call_1", "name": "add"},
    {"role": "tool", "content": "6", "tool_call_id": "call_2", "name": "add"},
]


def rendered(source: str | None, messages: list[dict[str, Any]], *tools: Tool) -> str:
    template = ChatTemplate(source, bos_token="", eos_token="</s>")
    family = tool_format_of(source, takes_tools="tools" in template.variables)
    prepared, offered = template_input(messages, tools, family)
    return template.render(prepared, tools=offered)


def test_a_template_with_tools_renders_them_itself() -> None:
    """And calls and results."""
    prompt = rendered(templates.HERMES, CONVERSATION, TOOL)
    assert (
        '<tools>\n{"type": "function", "function": {"name": "add", "description": "Adds."' in prompt
    )
    assert '<tool_call>\n{"name": "add", "arguments": {"a": 2}}\n</tool_call>' in prompt
    assert "<tool_response>\n6\n</tool_response>" in prompt


def test_without_tools_nothing_is_offered() -> None:
    """The messages stay unchanged."""
    assert rendered(templates.HERMES, [USER]) == rendered(templates.NO_TOOLS, [USER])
    assert "<tools>" not in rendered(None, CONVERSATION)


def test_calls_are_split_if_the_template_accepts_one_per_message() -> None:
    """Each is followed by its result."""
    prompt = rendered(templates.LLAMA3, CONVERSATION, TOOL)
    order = ['"parameters": {"a": 2}', "\n\n4<", '"parameters": {"a": 3}', "\n\n6<"]
    places = [prompt.index(text) for text in order]
    assert places == sorted(places)


def test_ids_have_the_length_that_the_template_requires() -> None:
    """A call and its result have the same id; an id of that length stays."""
    fitting = [USER, {**CONVERSATION[1], "tool_calls": [call("abcdefgh1")]}]
    assert '"id": "abcdefgh1"' in rendered(templates.MISTRAL, fitting)

    prompt = rendered(templates.MISTRAL, CONVERSATION, TOOL)
    call_id = prompt.partition('"id": "')[2].partition('"')[0]
    assert len(call_id) == 9
    assert f'{{"content": 4, "call_id": "{call_id}"}}' in prompt


def test_other_templates_get_a_system_message() -> None:
    """With the functions and the call syntax; calls and results become text."""
    prompt = rendered(templates.NO_TOOLS, CONVERSATION, TOOL)
    assert prompt.startswith("<|im_start|>system\nYou may call these functions.")
    assert '<tools>\n{"type": "function", "function": {"name": "add"' in prompt
    assert (
        '<|im_start|>assistant\n<tool_call>\n{"name": "add", "arguments": {"a": 2}}\n</tool_call>\n'
        '<tool_call>\n{"name": "add", "arguments": {"a": 3}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n4\n</tool_response>\n<tool_response>\n6\n"
        "</tool_response><|im_end|>\n<|im_start|>assistant\n"
    ) in prompt


def test_the_offer_is_appended_to_the_system_message() -> None:
    """There is one system message, the caller's text first."""
    system = {"role": "system", "content": "Be kind."}
    prompt = rendered(None, [system, USER], TOOL)
    assert prompt.startswith("<|im_start|>system\nBe kind.\n\nYou may call")
    assert prompt.count("<|im_start|>system") == 1


def test_arguments_that_are_no_object_stay_unchanged() -> None:
    """They may come from another server's model."""
    broken = call("call_1")
    broken["function"]["arguments"] = '{"a": '
    prompt = rendered(None, [USER, {"role": "assistant", "content": "", "tool_calls": [broken]}])
    assert '"arguments": "{\\"a\\": "}' in prompt


def test_the_docs_show_the_system_text() -> None:
    """docs/tools.md, except for the functions."""
    page = (Path(__file__).parents[4] / "docs" / "tools.md").read_text()
    prompt = rendered(None, [USER], TOOL)
    (shown,) = re.findall(r"^```text\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    lines = [line for line in shown.splitlines() if not line.startswith('{"type"')]
    assert all(line.removesuffix(" ...") in prompt for line in lines)
