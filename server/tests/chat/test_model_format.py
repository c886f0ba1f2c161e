"""The format of one model: toolset, template input and constraint of a request."""

from __future__ import annotations

import json

import pytest

from galop.backends.scripted import ScriptedTokenizer
from galop.chat import ChatTemplate
from galop.chat.model_format import ModelFormat
from galop.chat.output.documents import JsonObjectSpec
from galop.chat.output.reasoning import ReasoningPlan
from galop.chat.output.spec import OutputSpec
from galop.chat.request import Tool
from server.tests.chat.conftest import chat_request
from server.tests.chat.tools import templates

ADD = Tool(name="add", parameters='{"type":"object"}')


class MarkedTokenizer(ScriptedTokenizer):
    """Has control tokens for `<tool_call>` and `</think>`, and `</tool_call>` as two tokens."""

    special_token_texts = frozenset({"<tool_call>", "</think>", "</tool_call>"})

    def encode(self, text: str, *, parse_special: bool = True) -> list[int]:
        ids = {"<tool_call>": [300], "</think>": [301], "</tool_call>": [302, 303]}
        return ids.get(text) or super().encode(text, parse_special=parse_special)


def model_format(source: str, tokenizer: ScriptedTokenizer | None = None) -> ModelFormat:
    template = ChatTemplate(source, bos_token="", eos_token="")
    return ModelFormat(template, tokenizer or ScriptedTokenizer())


def test_markers_are_single_control_tokens() -> None:
    """A marker of several tokens has text already."""
    assert model_format(templates.HERMES, MarkedTokenizer()).markers == {
        300: "<tool_call>",
        301: "</think>",
    }
    assert model_format(templates.HERMES).markers == {}


def test_without_a_choice_no_tools_are_offered() -> None:
    """Neither in the constraint nor in the prompt."""
    request = chat_request(tools=(ADD,), tool_choice="none")
    hermes = model_format(templates.HERMES)
    assert hermes.toolset(request) is None
    assert hermes.template_input(request, request.messages) == (request.messages, None)


@pytest.mark.parametrize(
    ("source", "is_native"), [(templates.HERMES, True), (templates.NO_TOOLS, False)]
)
def test_tools_reach_the_template_or_the_system_message(source: str, is_native: bool) -> None:
    """As the template's format requires."""
    request = chat_request(tools=(ADD,), tool_choice="auto")
    messages, tools = model_format(source).template_input(request, request.messages)
    assert (tools is not None) is is_native
    assert (messages[0]["role"] == "system") is not is_native


def test_free_text_has_no_constraint() -> None:
    """Also if the model reasons."""
    plan = ReasoningPlan("parsed", {})
    spec = OutputSpec(reasoning=plan, is_thinking_open=True)
    assert model_format(templates.THINKING).constraint(spec, 100) is None


def test_a_document_and_tools_make_one_constraint() -> None:
    """It is strict only if both are."""
    request = chat_request(tools=(ADD,), tool_choice="auto", response_format="json_object")
    hermes = model_format(templates.HERMES)
    spec = OutputSpec(document=JsonObjectSpec(), toolset=hermes.toolset(request))
    constraint = hermes.constraint(spec, 100)
    assert constraint is not None
    assert constraint.json_object
    assert constraint.tool_calls is not None
    assert json.loads(constraint.tool_calls.tools[0].parameters) == {"type": "object"}
    assert not constraint.is_strict


@pytest.mark.parametrize("is_open", [True, False, None])
def test_reasoning_precedes_the_constrained_answer(is_open: bool | None) -> None:
    """If the prompt opens it; it takes at most half of the budget."""
    thinking = model_format(templates.THINKING, MarkedTokenizer())
    plan = ReasoningPlan("parsed", {})
    spec = OutputSpec(document=JsonObjectSpec(), reasoning=plan, is_thinking_open=is_open)
    constraint = thinking.constraint(spec, 100)
    assert constraint is not None
    assert (constraint.thinking is not None) is bool(is_open)
    if constraint.thinking is not None:
        assert (constraint.thinking.end, constraint.thinking.end_token_id) == ("</think>", 301)
        assert constraint.thinking.max_tokens == 50
