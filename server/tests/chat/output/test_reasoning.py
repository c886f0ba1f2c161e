"""Thinking: what may be asked of it, and where it ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.chat import ChatTemplate
from galop.chat.errors import InvalidParameterError
from galop.chat.output.reasoning import (
    ReasoningModel,
    ReasoningParser,
    ReasoningPlan,
    is_thinking_open,
    max_thinking_tokens,
    missing_think_tag,
)
from galop.chat.request import ChatRequest
from server.tests.chat.conftest import chat_request
from server.tests.chat.tools import templates


def model(source: str | None) -> ReasoningModel:
    template = ChatTemplate(source, bos_token="", eos_token="")
    return ReasoningModel(source, template.variables)


THINKER, PLAIN = model(templates.THINKING), model(templates.NO_TOOLS)
LEVELS = model("</think>{{ reasoning_effort }}")


def refusal(reasoner: ReasoningModel, request: ChatRequest) -> str:
    with pytest.raises(InvalidParameterError) as caught:
        reasoner.plan(request)
    return caught.value.param


def read(text: str, *, is_open: bool | None, size: int = 1) -> tuple[str, str]:
    """Reasoning and content of text that arrives in chunks of this size."""
    parser = ReasoningParser(is_open=is_open)
    segments = [
        segment
        for start in range(0, len(text), size)
        for segment in parser.add(text[start : start + size])
    ]
    segments += parser.flush()
    return (
        "".join(segment.text for segment in segments if segment.kind == "reasoning"),
        "".join(segment.text for segment in segments if segment.kind == "content"),
    )


def test_a_reasoning_model_is_known_by_its_template() -> None:
    """The template contains `</think>`."""
    assert THINKER.can_reason
    assert not PLAIN.can_reason
    assert not model(None).can_reason


def test_reasoning_is_parsed_unless_the_request_says_otherwise() -> None:
    """`hidden`, or `raw` for free text."""
    assert THINKER.plan(chat_request()) == ReasoningPlan("parsed", {})
    for wanted in ("raw", "parsed", "hidden"):
        plan = THINKER.plan(chat_request(reasoning_format=wanted))
        assert plan is not None
        assert plan.format == wanted


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"reasoning_format": "raw", "response_format": "json_object"}, "reasoning_format"),
        ({"reasoning_format": "raw", "tool_choice": "auto"}, "reasoning_format"),
        ({"reasoning_format": "hidden", "num_logprobs": 0}, "logprobs"),
        ({"reasoning_effort": "high"}, "reasoning_effort"),
    ],
)
def test_options_that_a_reasoning_model_lacks_are_refused(
    fields: dict[str, Any], param: str
) -> None:
    """The error names the parameter."""
    assert refusal(THINKER, chat_request(**fields)) == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"reasoning_format": "parsed"}, "reasoning_format"),
        ({"reasoning_format": "raw"}, "reasoning_format"),
        ({"reasoning_effort": "default"}, "reasoning_effort"),
        ({"reasoning_effort": "low"}, "reasoning_effort"),
    ],
)
def test_a_plain_model_cannot_be_asked_to_reason(fields: dict[str, Any], param: str) -> None:
    """The option would have no effect."""
    assert refusal(PLAIN, chat_request(**fields)) == param


@pytest.mark.parametrize(
    "fields", [{}, {"reasoning_format": "hidden"}, {"reasoning_effort": "none"}]
)
def test_a_plain_model_can_be_asked_not_to(fields: dict[str, Any]) -> None:
    """Its answers have no reasoning anyway."""
    assert PLAIN.plan(chat_request(**fields)) is None


@pytest.mark.parametrize(
    ("reasoner", "effort", "variables"),
    [
        (THINKER, "none", {"enable_thinking": False}),
        (THINKER, "default", {}),
        (LEVELS, "low", {"reasoning_effort": "low"}),
        (LEVELS, "default", {}),
    ],
)
def test_effort_becomes_a_variable_of_the_template(
    reasoner: ReasoningModel, effort: str, variables: dict[str, Any]
) -> None:
    """`enable_thinking` or `reasoning_effort`, as the template reads."""
    assert reasoner.plan(chat_request(reasoning_effort=effort)) == ReasoningPlan(
        "parsed", variables
    )


@pytest.mark.parametrize(
    ("source", "variables", "is_open"),
    [
        (templates.THINKING, {}, None),
        (templates.THINKING, {"enable_thinking": False}, False),
        (templates.THINKING_OPENED, {}, True),
    ],
)
def test_the_end_of_the_prompt_decides_about_reasoning(
    source: str, variables: dict[str, Any], is_open: bool | None
) -> None:
    """If it leaves that to the model, a constrained answer gets `<think>`."""
    template = ChatTemplate(source, bos_token="", eos_token="")
    prompt = template.render([{"role": "user", "content": "Hi"}], variables=variables)
    assert is_thinking_open(prompt) is is_open
    assert is_thinking_open(prompt + missing_think_tag(prompt)) is (
        True if is_open is None else is_open
    )


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("text", "is_open", "reasoning", "content"),
    [
        ("<think>\nHm.\n</think>\n\nYes.", None, "Hm.", "Yes."),
        ("\nHm.\n</think>\n\nYes.", True, "Hm.", "Yes."),
        ("<think></think>Yes.", None, "", "Yes."),
        ("Yes.</think>", False, "", "Yes.</think>"),
        ("Yes.", None, "", "Yes."),
        ("<thin air", None, "", "<thin air"),
        ("<think>Hm. <th", None, "Hm. <th", ""),
        ("<think>Hm. </thi", None, "Hm. </thi", ""),
        ("Hm, </thinking>\n", True, "Hm, </thinking>", ""),
        ("<think>Hm.</think>\n", None, "Hm.", ""),
        ("  ", None, "", "  "),
    ],
)
def test_reasoning_and_content_are_separated(
    text: str, is_open: bool | None, reasoning: str, content: str, size: int
) -> None:
    """Without the white space between them, for any chunks."""
    assert read(text, is_open=is_open, size=size) == (reasoning, content)


@given(st.text(" \n<>/think", max_size=40), st.sampled_from([True, False, None]), st.integers(1, 9))
def test_chunks_do_not_change_the_result(text: str, is_open: bool | None, size: int) -> None:
    """Any text, any size of chunks."""
    assert read(text, is_open=is_open, size=size) == read(text, is_open=is_open, size=100)


def test_reasoning_may_take_half_of_the_budget() -> None:
    """And at least one token."""
    assert [max_thinking_tokens(budget) for budget in (1, 2, 100)] == [1, 1, 50]
