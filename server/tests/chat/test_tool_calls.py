"""Calls and thinking through the whole chat service: scripted model, real engine, real grammar."""

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


async def test_the_model_decides_to_call() -> None:
    """What it says before stays content."""
    events = await answer(f"Let me see.\n{CALL}")
    assert text_of(events) == "Let me see."
    assert calls_in(events) == [("add", {"a": 1})]
    assert end_of(events) == ChoiceFinished(0, "tool_calls")


async def test_the_model_decides_not_to() -> None:
    """Then it is an answer like any other."""
    events = await answer("It is <b>two</b>.")
    assert text_of(events) == "It is <b>two</b>."
    assert end_of(events) == ChoiceFinished(0, "stop")


async def test_several_calls() -> None:
    """Unless the request wants one at a time."""
    two = f"{CALL}\n{CALL.replace('1', '2')}"
    assert calls_in(await answer(two)) == [("add", {"a": 1}), ("add", {"a": 2})]
    assert calls_in(await answer(two, parallel_tool_calls=False)) == [("add", {"a": 1})]


@pytest.mark.parametrize(("forced", "names"), [(None, {"add", "now"}), ("add", {"add"})])
async def test_a_call_that_is_required_comes(forced: str | None, names: set[str]) -> None:
    """Whatever the model would rather say, and of the function that is forced."""
    events = await answer("No.", tool_choice="required", forced_tool=forced)
    called = calls_in(events)
    assert called
    assert {name for name, _ in called} <= names
    assert text_of(events) == ""
    assert end_of(events).finish_reason in ("tool_calls", "length")


@pytest.mark.parametrize("name", ["rob", "add"])
async def test_an_undeclared_function_cannot_be_called(name: str) -> None:
    """Nor can a declared one be called in another way than declared: a declared call comes instead."""
    arguments = '{"a": "x", "b": 1}'
    wrong = f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'
    ((called, given),) = calls_in(await answer(wrong, parallel_tool_calls=False, max_tokens=100))
    schemas = {"add": SCHEMA, "now": json.loads(NOW.parameters)}
    jsonschema_rs.validate(schemas[called], given)


async def test_without_choice_there_is_no_call() -> None:
    """The text is the text, and the model is told nothing."""
    events = await answer(CALL, tool_choice="none")
    assert text_of(events) == CALL
    assert usage_of(events).prompt_tokens < 100


@pytest.mark.parametrize("max_tokens", [80, 100, 140])
async def test_a_call_is_whole_at_any_budget(max_tokens: int) -> None:
    """And says that it was cut short."""
    endless = CALL.replace('"a": 1', '"a": 1, "note": "' + "x" * 200)
    events = await answer(endless, max_tokens=max_tokens, tool_choice="required")
    assert [set(arguments) <= {"a", "note"} for _, arguments in calls_in(events)] == [True]
    assert end_of(events) == ChoiceFinished(0, "length", is_json_completed=True)
    assert usage_of(events).completion_tokens <= max_tokens


async def test_a_budget_that_holds_no_call_is_refused() -> None:
    """With what would do; where the model may write text, there is no such budget."""
    with pytest.raises(CallBudgetTooSmallError, match="and 9 are left"):
        await answer(CALL, max_tokens=9, tool_choice="required")
    assert end_of(await answer(CALL, max_tokens=9)).finish_reason == "length"


async def test_a_stop_sequence_does_not_cut_a_call() -> None:
    """It ends text, and nothing else."""
    assert calls_in(await answer(CALL, stop=("add", "}"))) == [("add", {"a": 1})]
    events = await answer(f"One, two. {CALL}", stop=("two",))
    assert (text_of(events), calls_in(events)) == ("One, ", [])
    assert end_of(events).finish_reason == "stop"


async def test_every_choice_calls_for_itself() -> None:
    """n answers, n ends."""
    events = await answer(CALL, num_choices=2)
    assert calls_in(events) == [("add", {"a": 1})] * 2


async def test_log_probabilities_cover_the_calls() -> None:
    """One entry for every token, with the event that shows its text."""
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
    """Whichever the model begins."""
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


async def test_a_schema_that_cannot_be_kept_is_refused_by_its_path() -> None:
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
async def test_parameters_that_are_no_schema_are_refused_by_their_path(choice: str) -> None:
    """Also those of a function that is not to be called."""
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
async def test_every_family_calls_in_its_own_way(source: str, choice: str) -> None:
    """The scripted model finds the beginning of its answer by a line that the template ends with."""
    events = await answer(
        FAMILIES[source], source=source + "{{ '<|im_start|>assistant\n' }}", tool_choice=choice
    )
    assert calls_in(events)[0] == ("add", {"a": 1})
    assert text_of(events) == ""


async def test_in_llama_s_way_a_document_is_not_taken_for_a_call() -> None:
    """Both would begin alike, so calls have a tag where a document may come."""
    document = '{"name": "Ann", "age": 5}'
    events = await answer(
        document,
        source=templates.LLAMA3 + "{{ '<|im_start|>assistant\n' }}",
        response_format="json_object",
    )
    assert (json.loads(text_of(events)), calls_in(events)) == (json.loads(document), [])


# --- thinking ------------------------------------------------------------------------------------


async def test_thinking_is_told_apart_and_counted() -> None:
    """By default; the tokens of its end are part of it."""
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
async def test_thinking_that_the_template_opens(wanted: str, thought: str, content: str) -> None:
    """In the raw format the tag is told, as if the model had written it."""
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


async def test_a_call_after_thinking_fits_whatever_is_thought() -> None:
    """Thinking takes half of the budget at most, and the call is whole."""
    endless = "<think>\n" + "hm " * 500
    events = await answer(
        endless, source=templates.THINKING, tool_choice="required", max_tokens=240
    )
    assert calls_in(events)
    assert 0 < len(thought_in(events)) <= 120


async def test_a_document_after_thinking() -> None:
    """The grammar begins where the thinking ends."""
    reply = '<think>\nHm.</think>{"b": 2}'
    events = await answer(
        reply, source=templates.THINKING, tool_choice="none", response_format="json_object"
    )
    assert (thought_in(events), json.loads(text_of(events))) == ("Hm.", {"b": 2})


async def test_a_model_told_not_to_think_answers_at_once() -> None:
    """By the variable that its template has."""
    events = await answer(
        '<think>\n\n</think>\n\n{"b": 2}',  # the template writes the first line
        source=templates.THINKING,
        tool_choice="none",
        response_format="json_object",
        reasoning_effort="none",
    )
    assert (thought_in(events), text_of(events)) == ("", '{"b": 2}')
    assert usage_of(events).reasoning_tokens == 0
