"""Tools on the wire: what is asked for, what a conversation holds of it, what is answered."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from galop.chat.events import ChoiceFinished, ContentDelta, ReasoningDelta, Started, ToolCall, Usage
from galop.chat.request import Tool
from server.tests.http.test_decode import USER, chat_of, checked, refusal

if TYPE_CHECKING:
    from server.tests.http.conftest import Caller, ScriptedChatService

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
ADD = {"type": "function", "function": {"name": "add", "parameters": SCHEMA}}
NOW = {"type": "function", "function": {"name": "now", "description": "The time.", "strict": True}}
NAMED = {"type": "function", "function": {"name": "now"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "2"}


def chunks_of(stream: bytes) -> list[Any]:
    lines = [line for line in stream.split(b"\n\n") if line not in (b"", b"data: [DONE]")]
    return [json.loads(line.removeprefix(b"data: ")) for line in lines]


# --- what is asked for ---------------------------------------------------------------------------


def test_tools_become_functions_with_schemas() -> None:
    """As JSON text, narrowed to objects; without parameters there are none."""
    chat = chat_of(tools=[ADD, NOW])
    parameters = json.dumps(SCHEMA, separators=(",", ":"))
    assert chat.tools[0] == Tool(name="add", parameters=parameters, where="tools.0.function")
    assert (chat.tools[1].description, chat.tools[1].is_strict) == ("The time.", True)
    assert json.loads(chat.tools[1].parameters)["additionalProperties"] is False


@pytest.mark.parametrize(
    ("parameters", "choice", "forced"),
    [
        ({"tools": [ADD]}, "auto", None),
        ({"tools": [ADD], "tool_choice": None}, "auto", None),
        ({"tools": [ADD], "tool_choice": "none"}, "none", None),
        ({"tools": [ADD], "tool_choice": "required"}, "required", None),
        ({"tools": [ADD, NOW], "tool_choice": NAMED}, "required", "now"),
        ({"functions": [ADD["function"]]}, "auto", None),
        ({"functions": [ADD["function"]], "function_call": "none"}, "none", None),
        ({"functions": [ADD["function"]], "function_call": {"name": "add"}}, "required", "add"),
        ({"functions": [ADD["function"]], "function_call": "required"}, "required", None),
        ({"tools": [], "tool_choice": "auto"}, "none", None),
    ],
)
def test_what_may_be_called(parameters: dict[str, Any], choice: str, forced: str | None) -> None:
    """Auto where there are tools, none where there are not."""
    chat = chat_of(**parameters)
    assert (chat.tool_choice, chat.forced_tool) == (choice, forced)


def test_the_older_form_calls_one_function() -> None:
    """Its answer has room for one."""
    assert chat_of(tools=[ADD]).parallel_tool_calls
    assert not chat_of(tools=[ADD], parallel_tool_calls=False).parallel_tool_calls
    call = checked(functions=[ADD["function"]])
    assert call.is_legacy_call
    assert not call.chat.parallel_tool_calls


def function(**fields: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", **fields}}


@pytest.mark.parametrize(
    ("parameters", "param", "said"),
    [
        ({"tools": {}}, "tools", "value must be an array"),
        ({"tools": [function()] * 129}, "tools", "maximum number of items is 128"),
        ({"tools": [{"function": {"name": "f"}}]}, "tools.0.type", "'type' is missing"),
        ({"tools": [{"type": "function"}]}, "tools.0.function", "'function' is missing"),
        ({"tools": [{"type": "browser_search"}]}, "tools.0", "not supported: tools of the type"),
        ({"tools": [{"type": "x", "function": {}}]}, "tools.0.type", "['function']"),
        ({"tools": [function(name="a b")]}, "tools.0.function.name", "'a b' must be letters"),
        ({"tools": [function(name="")]}, "tools.0.function.name", "must be letters"),
        ({"tools": [function(name="x" * 65)]}, "tools.0.function.name", "1 to 64"),
        ({"tools": [ADD, ADD]}, "tools.1.function.name", "'add' is taken by another function"),
        (
            {"tools": [function(parameter={})]},
            "tools.0.function.parameter",
            "did you mean 'parameters'?",
        ),
        (
            {"tools": [function(parameters={"type": "array"})]},
            "tools.0.function.parameters.type",
            "no JSON Schema of arguments",
        ),
        (
            {"tools": [function(parameters={"type": "string"})]},
            "tools.0.function.parameters.type",
            "must be 'object'",
        ),
        ({"tools": [ADD], "tool_choice": "any"}, "tool_choice", "['none', 'auto', 'required']"),
        (
            {"tools": [ADD], "tool_choice": NAMED},
            "tool_choice.function.name",
            "'now' does not exist",
        ),
        (
            {"tools": [ADD], "tool_choice": {"type": "function"}},
            "tool_choice.function",
            "'function' is missing",
        ),
        ({"tool_choice": "required"}, "tool_choice", "only allowed with 'tools'"),
        ({"tool_choice": NAMED}, "tool_choice", "only allowed with 'tools'"),
        ({"function_call": {"name": "f"}}, "function_call", "only allowed with 'functions'"),
        (
            {"functions": [{"name": "f"}], "function_call": {"name": "g"}},
            "function_call.name",
            "'g' does not exist in 'functions'",
        ),
        (
            {"functions": [{"name": "f"}], "tool_choice": "auto"},
            "tool_choice",
            "only allowed with 'tools'",
        ),
        ({"functions": [{"name": "f"}], "tools": [ADD]}, "functions", "not allowed beside 'tools'"),
        (
            {"include_reasoning": True, "reasoning_format": "raw"},
            "include_reasoning",
            "not allowed beside 'reasoning_format'",
        ),
        ({"reasoning_effort": "huge"}, "reasoning_effort", "['none', 'default', 'low', "),
    ],
)
def test_a_wrong_use_of_tools_is_refused(parameters: dict[str, Any], param: str, said: str) -> None:
    """By the path of the field at fault."""
    actual_param, message = refusal(**parameters)
    assert actual_param == param
    assert said in message


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, None),
        ({"reasoning_format": "raw"}, "raw"),
        ({"include_reasoning": True}, "parsed"),
        ({"include_reasoning": False}, "hidden"),
    ],
)
def test_two_ways_to_ask_for_reasoning(parameters: dict[str, Any], wanted: str | None) -> None:
    """The switch means one format or the other."""
    assert chat_of(**parameters).reasoning_format == wanted


# --- what a conversation holds -------------------------------------------------------------------


def test_calls_and_results_reach_the_template() -> None:
    """Arguments as an object, results with the id and the name of their call."""
    call = {**CALL, "function": {"name": "add", "arguments": {"a": 1}}}
    assert chat_of(messages=[USER, CALLED, RESULT]).messages[1:] == (
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "2", "tool_call_id": "call_1", "name": "add"},
    )


def test_the_older_form_reaches_the_template_as_the_newer_one() -> None:
    """A result belongs to the latest call of its function."""
    called = {"role": "assistant", "function_call": {"name": "add", "arguments": "{}"}}
    returned = {"role": "function", "name": "add", "content": "2"}
    call_message, result = chat_of(messages=[USER, called, returned]).messages[1:]
    (call,) = call_message["tool_calls"]
    assert call["function"] == {"name": "add", "arguments": {}}
    assert result == {"role": "tool", "content": "2", "tool_call_id": call["id"], "name": "add"}


@pytest.mark.parametrize("arguments", ["", "[]", '{"a": '])
def test_arguments_that_are_no_object_stay_text(arguments: str) -> None:
    """Other servers may have let such a call through."""
    call = {**CALL, "function": {"name": "add", "arguments": arguments}, "index": 0}
    (message,) = chat_of(messages=[{**CALLED, "tool_calls": [call]}]).messages
    assert message["tool_calls"][0]["function"]["arguments"] == arguments


@pytest.mark.parametrize(
    ("messages", "param", "said"),
    [
        ([USER, RESULT], "messages.1.tool_call_id", "'call_1' is not the id of a call"),
        (
            [RESULT, CALLED],
            "messages.0.tool_call_id",
            "is not the id of a call in an earlier message",
        ),
        ([{**CALLED, "tool_calls": [CALL, CALL]}], "messages.0.tool_calls.1.id", "is taken"),
        (
            [{"role": "function", "name": "f", "content": ""}],
            "messages.0.name",
            "'f' is not called",
        ),
        ([{"role": "assistant", "tool_calls": []}], "messages.0.content", "'content' is missing"),
        (
            [{**CALLED, "tool_calls": [{**CALL, "type": "custom"}]}],
            "messages.0.tool_calls.0.type",
            "['function']",
        ),
        (
            [{**CALLED, "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]}],
            "messages.0.tool_calls.0.function.arguments",
            "value must be a string",
        ),
        (
            [{**CALLED, "tool_calls": [{**CALL, "idx": 0}]}],
            "messages.0.tool_calls.0.idx",
            "did you mean 'id'?",
        ),
    ],
)
def test_a_conversation_without_sense_is_refused(
    messages: list[dict[str, Any]], param: str, said: str
) -> None:
    """Results without a call, and calls with the same id."""
    actual_param, message = refusal(messages=messages)
    assert actual_param == param
    assert said in message


# --- what is answered ----------------------------------------------------------------------------


def test_calls_in_one_piece(caller: Caller, service: ScriptedChatService, usage: Usage) -> None:
    """Content is null, every call has an id of its own."""
    calls = [ToolCall(0, "add", '{"a":1}'), ToolCall(0, "now", "{}")]
    service.script = [Started(), *calls, ChoiceFinished(0, "tool_calls"), usage]
    (choice,) = caller.post(tools=[ADD, NOW]).json()["choices"]
    first, second = choice["message"].pop("tool_calls")

    assert choice["message"] == {"role": "assistant", "content": None}
    assert choice["finish_reason"] == "tool_calls"
    assert first["id"].startswith("call_")
    assert first["id"] != second["id"]
    assert (first["type"], first["function"]) == (
        "function",
        {"name": "add", "arguments": '{"a":1}'},
    )


def test_text_and_reasoning_beside_a_call(
    caller: Caller, service: ScriptedChatService, usage: Usage
) -> None:
    """Each in its own place."""
    service.script = [
        Started(),
        ReasoningDelta(0, "Hm"),
        ReasoningDelta(0, "."),
        ContentDelta(0, "Let me see."),
        ToolCall(0, "add", "{}"),
        ChoiceFinished(0, "tool_calls"),
        usage,
    ]
    (choice,) = caller.post(tools=[ADD]).json()["choices"]
    assert choice["message"]["content"] == "Let me see."
    assert choice["message"]["reasoning"] == "Hm."


def test_a_call_in_the_older_form(
    caller: Caller, service: ScriptedChatService, usage: Usage
) -> None:
    """In one piece and streamed."""
    service.script = [Started(), ToolCall(0, "add", "{}"), ChoiceFinished(0, "tool_calls"), usage]
    (choice,) = caller.post(functions=[ADD["function"]]).json()["choices"]
    assert choice["message"]["function_call"] == {"name": "add", "arguments": "{}"}
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"

    chunks = chunks_of(caller.post(functions=[ADD["function"]], stream=True).body)
    assert chunks[1]["choices"][0]["delta"] == {"function_call": {"name": "add", "arguments": "{}"}}
    assert chunks[2]["choices"][0]["finish_reason"] == "function_call"


def test_a_streamed_call_is_one_chunk(
    caller: Caller, service: ScriptedChatService, usage: Usage
) -> None:
    """Numbered within its choice, after a first chunk whose content is null."""
    calls = [ToolCall(0, "add", "{}"), ToolCall(0, "now", "{}")]
    service.script = [Started(), *calls, ChoiceFinished(0, "tool_calls"), usage]
    opening, *told, last = chunks_of(caller.post(tools=[ADD], stream=True).body)

    assert opening["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert "id" in opening["x_groq"]
    deltas = [chunk["choices"][0]["delta"]["tool_calls"] for chunk in told]
    assert [call["index"] for (call,) in deltas] == [0, 1]
    assert list(deltas[0][0]) == ["id", "type", "function", "index"]
    assert last["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "said", "content"),
    [
        ("auto", ContentDelta(0, "Hi"), ""),
        ("auto", ReasoningDelta(0, "Hm"), ""),
        ("auto", ToolCall(0, "add", "{}"), None),
        ("required", ReasoningDelta(0, "Hm"), None),
        ("none", ContentDelta(0, "Hi"), ""),
    ],
)
def test_content_of_the_first_chunk_depends_on_what_comes_first(
    caller: Caller,
    service: ScriptedChatService,
    usage: Usage,
    choice: str,
    said: ContentDelta | ReasoningDelta | ToolCall,
    content: str | None,
) -> None:
    """With auto that is known once something comes; nothing after it is null."""
    service.script = [Started(), said, ChoiceFinished(0, "stop"), usage]
    chunks = chunks_of(caller.post(tools=[ADD], tool_choice=choice, stream=True).body)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": content}
    assert len(chunks) == 3


def test_an_empty_answer_has_a_first_chunk_too(
    caller: Caller, service: ScriptedChatService, usage: Usage
) -> None:
    """Also where the model says nothing at all."""
    service.script = [Started(), ChoiceFinished(0, "stop"), usage]
    opening, last = chunks_of(caller.post(tools=[ADD], stream=True).body)
    assert opening["choices"][0]["delta"]["content"] == ""
    assert last["choices"][0]["delta"] == {}


def test_every_choice_has_its_own_calls(
    caller: Caller, service: ScriptedChatService, usage: Usage
) -> None:
    """Numbers and first chunks are per choice."""
    calls = [ToolCall(1, "add", "{}"), ToolCall(0, "now", "{}")]
    ends = [ChoiceFinished(0, "tool_calls"), ChoiceFinished(1, "tool_calls")]
    service.script = [Started(), *calls, *ends, usage]
    chunks = chunks_of(caller.post(tools=[ADD], n=2, stream=True).body)
    told = [
        (chunk["choices"][0]["index"], chunk["choices"][0]["delta"].get("tool_calls", [{}])[0])
        for chunk in chunks
    ]
    assert [(index, call.get("index")) for index, call in told] == [
        (1, None),
        (1, 0),
        (0, None),
        (0, 0),
        (0, None),
        (1, None),
    ]


def test_reasoning_is_streamed_and_counted(
    caller: Caller, service: ScriptedChatService, usage: Usage
) -> None:
    """In deltas of its own, and in the usage."""
    counted = replace(usage, reasoning_tokens=2)
    service.script = [Started(), ReasoningDelta(0, "Hm"), ChoiceFinished(0, "stop"), counted]
    chunks = chunks_of(caller.post(stream=True).body)
    assert chunks[1]["choices"][0]["delta"] == {"reasoning": "Hm"}
    assert chunks[-1]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}
