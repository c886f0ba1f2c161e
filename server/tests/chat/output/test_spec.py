"""The output spec of a request: what is expected, and the parser that follows from it."""

from __future__ import annotations

import pytest

from galop.chat.errors import ToolUseFailedError
from galop.chat.events import ToolCall
from galop.chat.formats import tool_format_of
from galop.chat.output.documents import JsonObjectSpec
from galop.chat.output.reasoning import ReasoningPlan
from galop.chat.output.segments import Segment
from galop.chat.output.spec import OutputSpec
from galop.chat.request import Tool
from galop.chat.tools.toolset import Toolset
from galop.protocol.literals import ReasoningFormat
from server.tests.chat.conftest import chat_request

NOW = Tool(name="now", parameters='{"type":"object","additionalProperties":false}')


def toolset(tool_choice: str = "auto") -> Toolset:
    request = chat_request(tools=(NOW,), tool_choice=tool_choice)
    return Toolset(request, tool_format_of(None, takes_tools=False), {})


def test_free_text_is_plain_and_unconstrained() -> None:
    """Its parser returns all text as content."""
    spec = OutputSpec()
    assert (spec.is_plain, spec.is_constrained, spec.is_call_required) == (True, False, False)
    assert spec.parser(()).is_plain


def test_documents_are_constrained_and_parsed_as_content() -> None:
    """A document needs no markers."""
    spec = OutputSpec(document=JsonObjectSpec())
    assert (spec.is_plain, spec.is_constrained) == (True, True)
    assert spec.parser(()).add('{"a":1}') == [Segment("content", '{"a":1}')]


def test_stop_sequences_match_string_values_of_a_document_only() -> None:
    """In free text they match anywhere."""
    text = '{"a": "b"}'
    document = OutputSpec(document=JsonObjectSpec()).parser(["}"])
    assert "".join(segment.text for segment in document.add(text)) == text
    free = OutputSpec().parser(["}"])
    assert "".join(segment.text for segment in free.add(text)) == text[:-1]
    assert (document.is_stopped, free.is_stopped) == (False, True)


@pytest.mark.parametrize(("tool_choice", "is_required"), [("auto", False), ("required", True)])
def test_tools_are_parsed_and_checked(tool_choice: str, is_required: bool) -> None:
    """A call is required only by the tool choice."""
    spec = OutputSpec(toolset=toolset(tool_choice))
    assert (spec.is_plain, spec.is_constrained) == (False, True)
    assert spec.is_call_required is is_required
    spec.check_call(ToolCall(0, "now", "{}"))
    with pytest.raises(ToolUseFailedError):
        spec.check_call(ToolCall(0, "now", '{"a": 1}'))


@pytest.mark.parametrize(
    ("reasoning_format", "is_open", "prefix", "is_split"),
    [
        ("parsed", True, "", True),
        ("hidden", True, "", True),
        ("raw", True, "<think>\n", False),
        ("raw", None, "", False),
        ("raw", False, "", False),
    ],
)
def test_raw_reasoning_repeats_the_tag_of_the_prompt_and_is_not_split(
    reasoning_format: ReasoningFormat, is_open: bool | None, prefix: str, is_split: bool
) -> None:
    """Only if the prompt ends with the tag."""
    spec = OutputSpec(reasoning=ReasoningPlan(reasoning_format, {}), is_thinking_open=is_open)
    assert spec.echoed_prefix == prefix
    assert spec.hides_reasoning is (reasoning_format == "hidden")
    assert (not spec.parser(()).is_plain) is is_split
