"""Which family a chat template belongs to, and what that means."""

from __future__ import annotations

import pytest

from galop.chat import ChatTemplate
from galop.chat.formats import ToolFormat, tool_format_of
from server.tests.chat.tools import templates


def family(source: str | None) -> ToolFormat:
    template = ChatTemplate(source, bos_token="<s>", eos_token="</s>")
    return tool_format_of(source, takes_tools="tools" in template.variables)


@pytest.mark.parametrize(
    ("source", "name", "is_native"),
    [
        (templates.HERMES, "hermes", True),
        (templates.LLAMA3, "llama3", True),
        (templates.MISTRAL, "mistral", True),
        (templates.MISTRAL_ARGS, "mistral_args", True),
        (templates.QWEN_CODER, "generic", False),
        (templates.NO_TOOLS, "generic", False),
        (templates.HERMES.replace("tools", "utensils"), "generic", False),
        (None, "generic", False),
    ],
)
def test_a_format_is_selected_by_the_markers_of_the_template(
    source: str | None, name: str, is_native: bool
) -> None:
    """A template without tools, or with an unknown format, gets the generic one."""
    found = family(source)
    assert (found.name, found.is_native) == (name, is_native)


@pytest.mark.parametrize(
    "source", [templates.HERMES, templates.LLAMA3, templates.MISTRAL, templates.MISTRAL_ARGS]
)
def test_a_template_writes_calls_in_the_syntax_of_its_format(source: str) -> None:
    """A call in the prompt has the text that the syntax describes."""
    syntax = family(source).syntax
    call = {"id": "abcdefgh1", "type": "function"}
    function = {"name": "add", "arguments": {"a": 1}}
    message = {"role": "assistant", "content": "", "tool_calls": [{**call, "function": function}]}
    rendered = ChatTemplate(source, bos_token="", eos_token="").render([message])

    begin = f"{syntax.before}{syntax.begin}add{syntax.before_arguments}" + '{"a": 1}'
    assert begin in rendered
    assert rendered.partition(begin)[2].startswith((syntax.end, ', "id"'))


@pytest.mark.parametrize(
    "source", [templates.HERMES, templates.LLAMA3, templates.MISTRAL, templates.MISTRAL_ARGS, None]
)
def test_a_call_begins_with_the_trigger(source: str | None) -> None:
    """The constraint relies on it."""
    syntax = family(source).syntax
    assert (syntax.before + syntax.begin).startswith(syntax.trigger)


def test_limits_of_a_template_are_known() -> None:
    """One call at a time, ids of nine characters."""
    assert not family(templates.LLAMA3).has_parallel_calls
    assert family(templates.MISTRAL).call_id_length == 9
    assert family(templates.HERMES).call_id_length is None
