"""From bytes to a request: what is accepted, and what it becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from galop.chat.request import ChatRequest
from galop.http.decode import CheckedRequest, check_request, parse
from galop.http.errors import InvalidRequestError, MalformedBodyError
from galop.http.limits import RequestLimits
from galop.protocol.literals import Compat
from server.tests.entries import entry

ENTRY = entry("m")
USER = {"role": "user", "content": "Hi"}


def checked(**parameters: object) -> CheckedRequest:
    """The call that the smallest request and `parameters` make."""
    body = json.dumps({"model": "m", "messages": [USER], **parameters}).encode()
    return check_request(
        parse(body, compat="default", limits=RequestLimits()),
        request_id="req_1",
        entry=ENTRY,
        draw_seed=lambda: 7,
        compat="default",
    )


def chat_of(**parameters: object) -> ChatRequest:
    return checked(**parameters).chat


def refusal(**parameters: object) -> tuple[str | None, str]:
    """The param and the message of a refused request."""
    with pytest.raises(InvalidRequestError) as caught:
        checked(**parameters)
    return caught.value.param, caught.value.message


def test_the_smallest_request_gets_the_defaults() -> None:
    """Only model and messages are required."""
    assert checked() == CheckedRequest(
        chat=ChatRequest(
            request_id="req_1",
            model="m",
            messages=({"role": "user", "content": "Hi"},),
            seed=7,
        ),
        entry=ENTRY,
        is_streamed=False,
        include_usage=False,
        seed=7,
    )


def test_null_means_absent_everywhere() -> None:
    """Every optional parameter may be null: the SDK sends stop=None as null."""
    document = json.dumps({"model": "m", "messages": [USER]}).encode()
    fields = parse(document, compat="default", limits=RequestLimits()).__struct_fields__
    nulls = dict.fromkeys(set(fields) - {"model", "messages"})
    assert checked(**nulls) == checked()


def test_everything_honoured_arrives() -> None:
    """Each parameter has its place in the domain."""
    call = checked(
        temperature=0,
        top_p=0.5,
        max_tokens=10,
        max_completion_tokens=10,
        stop=["a", "b"],
        stream=True,
        stream_options={"include_usage": True},
        seed=5,
        n=3,
        frequency_penalty=-2,
        presence_penalty=2,
        logit_bias={"99": -100, "0": 1.5},
        logprobs=True,
        top_logprobs=2,
        response_format={"type": "json_object"},
    )
    assert call == CheckedRequest(
        chat=ChatRequest(
            request_id="req_1",
            model="m",
            messages=({"role": "user", "content": "Hi"},),
            temperature=0.0,
            top_p=0.5,
            max_tokens=10,
            stop=("a", "b"),
            num_choices=3,
            seed=5,
            frequency_penalty=-2.0,
            presence_penalty=2.0,
            logit_bias={99: -100.0, 0: 1.5},
            num_logprobs=2,
            response_format="json_object",
        ),
        entry=ENTRY,
        is_streamed=True,
        include_usage=True,
        seed=5,
    )


@pytest.mark.parametrize("stop", [None, "", [], [""]])
def test_an_empty_stop_is_absent(stop: object) -> None:
    """An empty text would match at once."""
    assert chat_of(stop=stop).stop == ()


def test_a_stop_may_be_one_string() -> None:
    """Both forms mean the same."""
    assert chat_of(stop=", 6").stop == chat_of(stop=[", 6"]).stop == (", 6",)


@pytest.mark.parametrize(
    ("given", "folded"), [(-1, 2**64 - 1), (-(2**63), 2**63), (2**64 - 1, 2**64 - 1), (0, 0)]
)
def test_a_seed_is_any_64_bit_integer(given: int, folded: int) -> None:
    """Signed or unsigned; the answer repeats it as it was written."""
    call = checked(seed=given)
    assert (call.chat.seed, call.seed) == (folded, given)


def test_explicit_defaults_pass() -> None:
    """Clients send n, stream and logprobs even where they mean nothing."""
    assert checked(n=1, stream=False, logprobs=False) == checked()


def test_logprobs_without_top_logprobs_asks_for_the_chosen_token_alone() -> None:
    """Zero of the most likely tokens, not none."""
    assert chat_of(logprobs=True).num_logprobs == 0


@pytest.mark.parametrize(
    "parameters",
    [
        {"user": "u"},
        {"store": True},
        {"metadata": {"a": "b"}},
        {"service_tier": "auto"},
        {"prompt_cache_key": "k"},
        {"safety_identifier": "s"},
        {"parallel_tool_calls": True},
        {"modalities": ["text"]},
        {"tools": []},
        {"functions": []},
        {"tool_choice": "none"},
        {"tool_choice": "auto"},
        {"function_call": "none"},
        {"disable_tool_validation": True},
        {"response_format": {"type": "text"}},
    ],
)
def test_fields_without_meaning_here_are_accepted(parameters: dict[str, Any]) -> None:
    """They change nothing."""
    assert checked(**parameters) == checked()


def test_what_an_assistant_message_came_with_is_dropped() -> None:
    """Clients append the message they received, as it is."""
    echoed = {
        "role": "assistant",
        "content": "Hello",
        "name": "bot",
        "reasoning": "hm",
        "reasoning_content": None,
        "refusal": None,
        "annotations": [{"type": "url_citation"}],
        "executed_tools": [],
        "audio": None,
        "function_call": None,
        "tool_calls": [],
        "id": "msg_1",
        "channel": "final",
        "status": "completed",
    }
    assert chat_of(messages=[USER, echoed]).messages[1] == {
        "role": "assistant",
        "content": "Hello",
        "name": "bot",
    }


@pytest.mark.parametrize(
    "message", [{"content": None}, {"refusal": "no"}, {"reasoning": "hm", "tool_calls": None}]
)
def test_an_assistant_message_may_lack_content(message: dict[str, Any]) -> None:
    """Null content, or none beside what the model said instead."""
    messages = chat_of(messages=[{"role": "assistant", **message}]).messages
    assert messages == ({"role": "assistant", "content": ""},)


def test_text_parts_are_joined_by_newlines() -> None:
    """In messages of every role."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    messages = [{"role": role, "content": parts} for role in ("developer", "user", "assistant")]
    assert chat_of(messages=messages).messages == (
        {"role": "system", "content": "a\nb"},
        {"role": "user", "content": "a\nb"},
        {"role": "assistant", "content": "a\nb"},
    )


def test_the_last_of_duplicate_keys_counts() -> None:
    """As in json.loads, also where the first one is wrong."""
    body = b'{"model":5,"model":"m","messages":[{"role":"tool","role":"user","content":"x"}]}'
    assert parse(body, compat="default", limits=RequestLimits()).model == "m"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"hello",
        b'{"model": NaN}',
        b"\x00\xff\xfe",
        b'{"model":"\xff","messages":[]}',
        b'{"messages":[{"role":"user","content":"\\ud800"}],"model":"m"}',
        b'{"model":"m"} {"model":"m"}',
        b"[" * 10 + b"{" * 3,
    ],
)
@pytest.mark.parametrize("compat", ["default", "groq-2024"])
def test_what_is_not_json_is_malformed(body: bytes, compat: Compat) -> None:
    """Truncated, binary, not UTF-8, a lone surrogate, two documents."""
    with pytest.raises((MalformedBodyError, InvalidRequestError)):
        parse(body, compat=compat, limits=RequestLimits())


@pytest.mark.parametrize("num_levels", [65, 1000, 40_000])
def test_deep_nesting_is_refused_before_it_is_parsed(num_levels: int) -> None:
    """Also where the schema would take anything."""
    deep = "[" * num_levels + "]" * num_levels
    body = f'{{"messages":[{{"role":"assistant","content":"","annotations":{deep}}}]}}'
    with pytest.raises(InvalidRequestError, match="at most 64 levels deep"):
        parse(body.encode(), compat="default", limits=RequestLimits())


def test_too_many_containers_are_refused_before_they_are_parsed() -> None:
    """Four megabytes of empty arrays would be a hundred of memory."""
    body = b'{"messages":[%b]}' % b",".join([b"[]"] * 1_000_000)
    with pytest.raises(InvalidRequestError, match="at most 50000 arrays and objects"):
        parse(body, compat="default", limits=RequestLimits())


@pytest.mark.parametrize(
    ("parameters", "param", "said"),
    [
        ({"temperature": 2.5}, "temperature", "number must be at most 2"),
        ({"temperature": -1}, "temperature", "number must be at least 0"),
        ({"temperature": "1"}, "temperature", "'temperature' : value must be a number"),
        ({"top_p": 1.1}, "top_p", "number must be at most 1"),
        ({"max_tokens": 0}, "max_tokens", "number must be at least 1"),
        ({"max_tokens": 1.5}, "max_tokens", "value must be an integer"),
        (
            {"max_tokens": 1, "max_completion_tokens": 2},
            "max_completion_tokens",
            "give one of them",
        ),
        ({"stop": ["a"] * 5}, "stop", "maximum number of items is 4"),
        ({"stop": 5}, "stop", "( value must be a string ) OR ( value must be an array )"),
        ({"stop": ["a", 5]}, "stop.1", "value must be a string"),
        ({"stop": "a" * 4097}, "stop", "maximum string length is 4096"),
        ({"stream": "yes"}, "stream", "value must be a boolean"),
        ({"stream_options": {}}, "stream_options", "only allowed when 'stream' is true"),
        ({"stream_options": {"x": 1}}, "stream_options.x", "property 'x' is unsupported"),
        ({"seed": 2**64}, "seed", f"number must be at most {2**64 - 1}"),
        ({"seed": -(2**63) - 1}, "seed", f"number must be at least {-(2**63)}"),
        ({"n": 0}, "n", "number must be at least 1"),
        ({"n": 9}, "n", "number must be at most 8"),
        ({"frequency_penalty": 3}, "frequency_penalty", "number must be at most 2"),
        ({"presence_penalty": -3}, "presence_penalty", "number must be at least -2"),
        ({"logit_bias": {"100": 1}}, "logit_bias", "there are 100 tokens"),
        ({"logit_bias": {"-1": 1}}, "logit_bias", "key '-1' must be a token id"),
        ({"logit_bias": {"a": 1}}, "logit_bias", "key 'a' must be a token id"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1", "number must be at most 100"),
        ({"logit_bias": []}, "logit_bias", "value must be an object"),
        (
            {"logit_bias": {str(key): 1 for key in range(1025)}},
            "logit_bias",
            "maximum number of properties is 1024",
        ),
        ({"top_logprobs": 1}, "top_logprobs", "only allowed when 'logprobs' is true"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "number must be at most 20"),
        (
            {"service_tier": "batch"},
            "service_tier",
            "allowed values ['auto', 'default', 'on_demand', 'flex', 'performance']",
        ),
        (
            {"response_format": {"type": "xml"}},
            "response_format.type",
            "'json_object', 'json_schema']",
        ),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema",
            "'json_schema' is missing",
        ),
        (
            {"response_format": {"type": "json_object", "json_schema": {"name": "a"}}},
            "response_format.json_schema",
            "only given beside the type 'json_schema'",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}},
            "response_format.json_schema.name",
            "value must match ^[a-zA-Z0-9_-]{1,64}$",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "response_format.json_schema.name",
            "'name' is missing",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": 1}}},
            "response_format.json_schema.schema",
            "value must be an object",
        ),
        ({"response_format": {}}, "response_format.type", "property 'type' is missing"),
        ({"response_format": "json"}, "response_format", "value must be an object"),
        ({"response_format": {"type": "text", "x": 1}}, "response_format.x", "'x' is unsupported"),
        ({"modalities": ["audio"]}, "modalities.0", "allowed values ['text']"),
        ({"model": None}, "model", "'model' : Value is not nullable"),
        ({"messages": []}, "messages", "'messages' : minimum number of items is 1"),
        ({"messages": [USER] * 4097}, "messages", "maximum number of items is 4096"),
        ({"messages": "Hi"}, "messages", "value must be an array"),
        ({"messages": ["Hi"]}, "messages.0", "'messages.0' : value must be an object"),
        ({"messages": [{}]}, "messages.0.role", "'messages.0' : property 'role' is missing"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path_and_rule(
    parameters: dict[str, Any], param: str, said: str
) -> None:
    """The grammar that clients parse: path in single quotes, a colon, the rule."""
    actual_param, message = refusal(**parameters)
    assert actual_param == param
    assert said in message


@pytest.mark.parametrize(
    "parameters",
    [
        {"documents": []},
        {"citation_options": "enabled"},
        {"search_settings": {}},
        {"include_domains": ["a"]},
        {"exclude_domains": ["a"]},
        {"web_search_options": {}},
        {"compound_custom": {}},
        {"debug": True},
        {"audio": {"voice": "x"}},
        {"prediction": {"type": "content"}},
        {"verbosity": "low"},
    ],
)
def test_known_fields_that_are_not_implemented_are_refused_by_name(
    parameters: dict[str, Any],
) -> None:
    """Nothing accepted is ignored."""
    (name,) = parameters
    param, message = refusal(**parameters)
    assert param == name
    assert message.startswith(f"'{name}' : not supported: ")


@pytest.mark.parametrize(
    ("message", "param", "said"),
    [
        ({"role": "tool", "content": "x"}, "tool_call_id", "property 'tool_call_id' is missing"),
        (
            {"role": "robot", "content": "x"},
            "role",
            "['system', 'developer', 'user', 'assistant', ",
        ),
        ({"role": 5, "content": "x"}, "role", "value must be a string"),
        ({"role": "user"}, "content", "property 'content' is missing"),
        ({"role": "assistant"}, "content", "property 'content' is missing"),
        ({"role": "user", "content": None}, "content", "Value is not nullable"),
        ({"role": "user", "content": []}, "content", "minimum number of items is 1"),
        ({"role": "user", "content": ["x"]}, "content.0", "value must be an object"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            "content.0",
            "parts of the type 'image_url'",
        ),
        ({"role": "user", "content": [{"type": "document"}]}, "content.0", "not supported"),
        ({"role": "user", "content": [{"type": "?"}]}, "content.0.type", "['text']"),
        (
            {"role": "user", "content": [{"type": "text", "text": "x", "y": 1}]},
            "content.0.y",
            "property 'y' is unsupported",
        ),
        ({"role": "assistant", "tool_calls": [{}]}, "tool_calls.0.type", "'type' is missing"),
        ({"role": "assistant", "function_call": {}}, "function_call.name", "'name' is missing"),
        ({"role": "assistant", "content": "", "audio": {"id": "1"}}, "audio", "not supported"),
        ({"role": "user", "content": "x", "refusal": None}, "refusal", "'refusal' is unsupported"),
        ({"role": "user", "contents": "x"}, "contents", "did you mean 'content'?"),
    ],
)
def test_a_wrong_message_is_refused_by_its_path(
    message: dict[str, Any], param: str, said: str
) -> None:
    """The index of the message is part of the path."""
    actual_param, text = refusal(messages=[USER, message])
    assert actual_param == f"messages.1.{param}"
    assert said in text


def test_an_error_inside_a_message_names_the_role() -> None:
    """Clients of the API of 2024 parse this form."""
    messages = [{"role": "assistant", "content": 5}]
    assert refusal(messages=messages)[1] == (
        "'messages.0' : for 'role:assistant' the following must be satisfied[( 'messages.0.content' "
        ": one of the following must be satisfied[( value must be a string ) OR ( value must be an "
        "array )] )]"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("max_token", "max_tokens"),
        ("stop_sequences", "stop"),
        ("max_new_tokens", "max_tokens"),
        ("top_k", "top_p"),
        ("Temperature", "temperature"),
        ("prompt", "messages"),
    ],
)
def test_an_unknown_parameter_gets_a_hint(name: str, hint: str) -> None:
    """By spelling, or by what other servers call it."""
    assert refusal(**{name: 1}) == (
        name,
        f"property '{name}' is unsupported, did you mean '{hint}'?",
    )


def test_an_unknown_parameter_like_nothing_gets_no_hint() -> None:
    """And a very long one is not repeated at length."""
    assert refusal(zzzzzz=1)[1] == "property 'zzzzzz' is unsupported"
    assert len(refusal(**{"z" * 100_000: 1})[1]) < 200


@pytest.mark.parametrize("body", ["[]", "null", "5", '"x"', "true"])
def test_a_body_that_is_no_object_is_refused(body: str) -> None:
    """There is no path to name."""
    with pytest.raises(InvalidRequestError, match="value must be an object") as caught:
        parse(body.encode(), compat="default", limits=RequestLimits())
    assert caught.value.param is None


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000])
def test_a_number_beyond_all_numbers_is_refused_by_its_path(number: str) -> None:
    """Infinity is not a temperature."""
    body = f'{{"model":"m","messages":[],"temperature":{number}}}'.encode()
    body = body.replace(b"[]", b'[{"role":"user","content":"x"}]')
    with pytest.raises(InvalidRequestError) as caught:
        parse(body, compat="default", limits=RequestLimits())
    assert caught.value.param == "temperature"
