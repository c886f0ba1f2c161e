"""Calls and reasoning through the whole chat service: scripted model, real engine, real grammar."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jsonschema_rs
import pytest

from galop.chat import ChatService
from galop.chat.errors import CallBudgetTooSmallError, InvalidParameterError
from galop.chat.events import (
    ChoiceFinished,
    CompletionEvent,
    ContentDelta,
    ReasoningDelta,
    ToolCall,
    Usage,
)
from galop.chat.request import ChatRequest, JsonSchemaFormat, Tool
from galop.grammar.factory import GrammarFactory
from galop.grammar.tokenizer import byte_vocabulary
from galop.testing import ScriptedModel, ScriptedTokenizer
from galop.workers.local import LocalEngine
from server.tests.chat.conftest import chat_service
from server.tests.chat.tools import templates

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "note": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
ADD = Tool(name="add", parameters=json.dumps(SCHEMA))
NOW = Tool(name="now", parameters='{"type":"object","additionalProperties":false}')
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'


@asynccontextmanager
async def chatting(reply: str, source: str | None = None) -> AsyncIterator[ChatService]:
    tokenizer = ScriptedTokenizer()
    model = ScriptedModel(reply, context_window=4096)
    async with LocalEngine(
        model, constraint_factory=GrammarFactory(byte_vocabulary(tokenizer))
    ) as engine:
        yield chat_service(engine, template=source, context_window=4096, name="m")


async def answer(
    reply: str, *, source: str | None = None, **fields: Any
) -> list[CompletionEvent]:  # Any: a test's shorthand
    values = {"tools": (ADD, NOW), "tool_choice": "auto", "temperature": 0.0, **fields}
    messages = ({"role": "user", "content": "One plus one?"},)
    request = dataclasses.replace(
        ChatRequest(request_id="req_1", model="m", messages=messages), **values
    )
    async with chatting(reply, source) as service:
        return [event async for event in service.complete(request)]


def text_of(events: list[CompletionEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, ContentDelta))


def thought_in(events: list[CompletionEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, ReasoningDelta))


def calls_in(events: list[CompletionEvent]) -> list[tuple[str, Any]]:
    return [
        (event.name, json.loads(event.arguments)) for event in events if isinstance(event, ToolCall)
    ]


def end_of(events: list[CompletionEvent]) -> ChoiceFinished:
    (end,) = [event for event in events if isinstance(event, ChoiceFinished)]
    return end


def usage_of(events: list[CompletionEvent]) -> Usage:
    assert isinstance(events[-1], Usage)
    return events[-1]


async def test_the_model_may_call() -> None:
    """Text before the call is content."""
    events = await answer(f"Let me see.\n{CALL}")
    assert text_of(events) == "Let me see."
    assert calls_in(events) == [("add", {"a": 1})]
    assert end_of(events) == ChoiceFinished(0, "tool_calls")


async def test_the_model_may_answer_without_a_call() -> None:
    """The text is content."""
    events = await answer("It is <b>two</b>.")
    assert text_of(events) == "It is <b>two</b>."
    assert end_of(events) == ChoiceFinished(0, "stop")


async def test_several_calls() -> None:
    """At most one if the request disables parallel calls."""
    two = f"{CALL}\n{CALL.replace('1', '2')}"
    assert calls_in(await answer(two)) == [("add", {"a": 1}), ("add", {"a": 2})]
    assert calls_in(await answer(two, parallel_tool_calls=False)) == [("add", {"a": 1})]


@pytest.mark.parametrize(("forced", "names"), [(None, {"add", "now"}), ("add", {"add"})])
async def test_a_required_call_is_generated(forced: str | None, names: set[str]) -> None:
    """Whatever the model prefers, and of the forced function."""
    events = await answer("No.", tool_choice="required", forced_tool=forced)
    called = calls_in(events)
    assert called
    assert {name for name, _ in called} <= names
    assert text_of(events) == ""
    assert end_of(events).finish_reason in ("tool_calls", "length")


@pytest.mark.parametrize("name", ["rob", "add"])
async def test_an_undeclared_function_cannot_be_called(name: str) -> None:
    """Nor a declared one with other arguments: the grammar forces a declared call."""
    arguments = '{"a": "x", "b": 1}'
    wrong = f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'
    ((called, given),) = calls_in(await answer(wrong, parallel_tool_calls=False, max_tokens=100))
    schemas = {"add": SCHEMA, "now": json.loads(NOW.parameters)}
    jsonschema_rs.validate(schemas[called], given)


async def test_tool_choice_none_makes_no_call() -> None:
    """Text in call syntax is content, and no tool is offered."""
    events = await answer(CALL, tool_choice="none")
    assert text_of(events) == CALL
    assert usage_of(events).prompt_tokens < 100


@pytest.mark.parametrize("max_tokens", [80, 100, 140])
async def test_a_call_is_complete_at_any_budget(max_tokens: int) -> None:
    """The end of the choice says that the budget ended."""
    endless = CALL.replace('"a": 1', '"a": 1, "note": "' + "x" * 200)
    events = await answer(endless, max_tokens=max_tokens, tool_choice="required")
    assert [set(arguments) <= {"a", "note"} for _, arguments in calls_in(events)] == [True]
    assert end_of(events) == ChoiceFinished(0, "length", is_json_completed=True)
    assert usage_of(events).completion_tokens <= max_tokens


async def test_a_budget_that_holds_no_call_is_refused() -> None:
    """With the number of tokens that are needed. If the model may write text, no budget is too small."""
    with pytest.raises(CallBudgetTooSmallError, match="and 9 are left"):
        await answer(CALL, max_tokens=9, tool_choice="required")
    assert end_of(await answer(CALL, max_tokens=9)).finish_reason == "length"


async def test_a_stop_sequence_does_not_cut_a_call() -> None:
    """Stop sequences match in content only."""
    assert calls_in(await answer(CALL, stop=("add", "}"))) == [("add", {"a": 1})]
    events = await answer(f"One, two. {CALL}", stop=("two",))
    assert (text_of(events), calls_in(events)) == ("One, ", [])
    assert end_of(events).finish_reason == "stop"


async def test_every_choice_has_its_own_calls() -> None:
    """And its own end."""
    events = await answer(CALL, num_choices=2)
    assert calls_in(events) == [("add", {"a": 1})] * 2


async def test_log_probabilities_cover_the_calls() -> None:
    """One entry per token, with the event that has its text."""
    events = await answer(f"Hm. {CALL}", num_logprobs=0)
    entries = [
        entry
        for event in events
        if isinstance(event, ContentDelta | ToolCall)
        for entry in event.logprobs or ()
    ]
    assert "".join(entry.token for entry in entries) == f"Hm. {CALL}"


@pytest.mark.parametrize("response_format", ["json_object", "json_schema"])
@pytest.mark.parametrize("reply", ['{"b": 2}', CALL])
async def test_a_document_or_a_call(response_format: str, reply: str) -> None:
    """The model's first token decides."""
    schema = JsonSchemaFormat(
        name="d", schema='{"type":"object","properties":{"b":{"type":"integer"}}}'
    )
    events = await answer(
        reply,
        response_format=response_format,
        json_schema=schema if response_format == "json_schema" else None,
    )
    is_call = reply == CALL
    assert calls_in(events) == ([("add", {"a": 1})] if is_call else [])
    assert is_call or json.loads(text_of(events)) == {"b": 2}
    assert end_of(events).finish_reason == ("tool_calls" if is_call else "stop")


async def test_a_schema_without_finite_documents_is_refused_with_its_path() -> None:
    """Before anything is generated."""
    endless = Tool(
        name="f",
        parameters='{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}',
        where="tools.0.function",
    )
    with pytest.raises(InvalidParameterError) as caught:
        await answer("", tools=(endless,))
    assert caught.value.param.startswith("tools.0.function.parameters")


@pytest.mark.parametrize("choice", ["auto", "none"])
async def test_parameters_that_are_no_schema_are_refused_with_their_path(choice: str) -> None:
    """Also with tool choice `none`."""
    wrong = Tool(
        name="f", parameters='{"properties":{"a":{"type":"strin"}}}', where="tools.0.function"
    )
    with pytest.raises(InvalidParameterError, match="no JSON Schema of arguments") as caught:
        await answer("", tools=(ADD, wrong), tool_choice=choice)
    assert caught.value.param == "tools.0.function.parameters.properties.a.type"


FAMILIES = {
    templates.HERMES: CALL,
    templates.LLAMA3: '{"name": "add", "parameters": {"a": 1}}',
    templates.MISTRAL: '[TOOL_CALLS] [{"name": "add", "arguments": {"a": 1}}]',
    templates.MISTRAL_ARGS: '[TOOL_CALLS]add[ARGS]{"a": 1}',
}


@pytest.mark.parametrize("source", FAMILIES, ids=["hermes", "llama3", "mistral", "mistral_args"])
@pytest.mark.parametrize("choice", ["auto", "required"])
async def test_every_tool_format_is_parsed(source: str, choice: str) -> None:
    """The scripted model finds the beginning of its answer by a line that the template ends with."""
    events = await answer(
        FAMILIES[source], source=source + "{{ '<|im_start|>assistant\n' }}", tool_choice=choice
    )
    assert calls_in(events)[0] == ("add", {"a": 1})
    assert text_of(events) == ""


async def test_in_the_llama3_format_a_document_is_not_parsed_as_a_call() -> None:
    """Both could begin alike, so calls need the tag in JSON mode."""
    document = '{"name": "Ann", "age": 5}'
    events = await answer(
        document,
        source=templates.LLAMA3 + "{{ '<|im_start|>assistant\n' }}",
        response_format="json_object",
    )
    assert (json.loads(text_of(events)), calls_in(events)) == (json.loads(document), [])


# --- thinking ------------------------------------------------------------------------------------


async def test_reasoning_is_separated_and_counted() -> None:
    """By default. The tokens of `</think>` count as reasoning."""
    thought = "<think>\nHm, 2?\n</think>\n\nTwo."
    events = await answer(thought, source=templates.THINKING, tool_choice="none")
    assert (thought_in(events), text_of(events)) == ("Hm, 2?", "Two.")
    assert 0 < usage_of(events).reasoning_tokens < usage_of(events).completion_tokens


@pytest.mark.parametrize(
    ("wanted", "thought", "content"),
    [
        ("parsed", "Hm.", "Two."),
        ("hidden", "", "Two."),
        ("raw", "", "<think>\nHm.</think>Two."),
    ],
)
async def test_reasoning_that_the_template_opens(wanted: str, thought: str, content: str) -> None:
    """In the format `raw` the answer repeats the tag."""
    source = "{{ messages[0].content }}</think>{{ '<|im_start|>assistant\n<think>\n' }}"

    async with chatting("<think>\nHm.</think>Two.", source) as service:
        messages = ({"role": "user", "content": "x"},)
        request = ChatRequest(
            request_id="req_1",
            model="m",
            messages=messages,
            reasoning_format=wanted,  # type: ignore[arg-type]  # a literal
        )
        events = [event async for event in service.complete(request)]
    assert (thought_in(events), text_of(events)) == (thought, content)


async def test_a_call_after_reasoning_fits_into_the_budget() -> None:
    """Reasoning takes at most half of the budget, and the call is complete."""
    endless = "<think>\n" + "hm " * 500
    events = await answer(
        endless, source=templates.THINKING, tool_choice="required", max_tokens=240
    )
    assert calls_in(events)
    assert 0 < len(thought_in(events)) <= 120


async def test_a_document_after_reasoning() -> None:
    """The grammar begins after `</think>`."""
    reply = '<think>\nHm.</think>{"b": 2}'
    events = await answer(
        reply, source=templates.THINKING, tool_choice="none", response_format="json_object"
    )
    assert (thought_in(events), json.loads(text_of(events))) == ("Hm.", {"b": 2})


async def test_reasoning_effort_none_makes_no_reasoning() -> None:
    """The template reads `enable_thinking`."""
    events = await answer(
        '<think>\n\n</think>\n\n{"b": 2}',  # the template writes the first line
        source=templates.THINKING,
        tool_choice="none",
        response_format="json_object",
        reasoning_effort="none",
    )
    assert (thought_in(events), text_of(events)) == ("", '{"b": 2}')
    assert usage_of(events).reasoning_tokens == 0
