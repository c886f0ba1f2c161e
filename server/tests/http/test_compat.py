"""The profile groq-2024: the limits of the page of 2024."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from server.tests.http.conftest import Caller

JSON_MODE = {"response_format": {"type": "json_object"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {
    "role": "assistant",
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ],
}


@pytest.mark.parametrize(
    ("parameters", "param", "said"),
    [
        ({**JSON_MODE, "stream": True}, "stream", "does not support streaming"),
        ({**JSON_MODE, "stop": "x"}, "stop", "does not support stop sequences"),
        ({"n": 2}, "n", "number must be at most 1"),
        ({"max_tokens": 1025}, "max_tokens", "number must be at most 1024"),
        ({"logprobs": True}, "logprobs", "not supported with this model"),
        ({"logit_bias": {"1": 1}}, "logit_bias", "not supported with this model"),
        ({"stream": True, "stream_options": {}}, "stream_options", "did you mean 'stream'?"),
        ({"stream_options": None}, "stream_options", "is unsupported"),
        ({"store": True}, "store", "property 'store' is unsupported"),
        ({"metadata": {}}, "metadata", "is unsupported"),
        ({"max_completion_tokens": 5}, "max_completion_tokens", "is unsupported"),
        ({"service_tier": "auto"}, "service_tier", "is unsupported"),
        ({"reasoning_effort": "low"}, "reasoning_effort", "is unsupported"),
        ({"tools": [{}]}, "tools.0.type", "property 'type' is missing"),
        ({"tools": [TOOL], **JSON_MODE}, "tools", "not allowed with response format"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
            "tools.0.function.strict",
            "is unsupported",
        ),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls", "value must be a boolean"),
        ({"temperature": 3}, "temperature", "number must be at most 2"),
        (
            {"messages": [{"role": "developer", "content": "x"}]},
            "messages.0.role",
            "allowed values",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "text", "text": "x"}]}]},
            "messages.0.content",
            "value must be a string",
        ),
        (
            {"messages": [{"role": "assistant", "content": "x", "reasoning": "y"}]},
            "messages.0.reasoning",
            "property 'reasoning' is unsupported",
        ),
    ],
)
def test_what_came_later_or_was_limited_is_refused(
    caller_2024: Caller, parameters: dict[str, Any], param: str, said: str
) -> None:
    """With the envelope of every schema error: no code."""
    answer = caller_2024.post(**parameters)
    assert answer.status == 400
    assert answer.error["param"] == param
    assert said in answer.error["message"]
    assert "code" not in answer.error


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        JSON_MODE,
        {**JSON_MODE, "stop": [], "stream": False},
        {"n": 1, "logprobs": False, "top_logprobs": None, "logit_bias": None},
        {"stream": True, "stop": "x", "user": "u", "seed": 1},
        {"tools": None, "tool_choice": "none"},
        {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False},
        {"functions": [{"name": "f"}], "function_call": {"name": "f"}},
        {"messages": [CALL, {"role": "tool", "tool_call_id": "call_1", "content": "4"}]},
        {"messages": [{"role": "assistant", "content": "x", "tool_calls": None, "name": "a"}]},
    ],
)
def test_what_the_page_allows_is_answered(caller_2024: Caller, parameters: dict[str, Any]) -> None:
    """Also the explicit nulls that the client of that year sends."""
    assert caller_2024.post(**parameters).status == 200


def test_answers_carry_only_the_keys_of_2024(caller_2024: Caller) -> None:
    """No service tier, and no seed in x_groq."""
    answer = caller_2024.post().json()
    assert "service_tier" not in answer
    assert list(answer["x_groq"]) == ["id"]
