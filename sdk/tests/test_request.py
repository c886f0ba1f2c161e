"""Call arguments to bytes, URLs and headers."""

from __future__ import annotations

import dataclasses
import datetime
import json

import httpx
import pydantic
import pytest

from groq import NOT_GIVEN, omit
from groq._request import (
    encode_json,
    merge_headers,
    normalize_base_url,
    parse_custom_headers,
    path_template,
)
from groq.types.chat import ChatCompletionMessage


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.groq.com", "https://api.groq.com"),
        ("http://h:8000/", "http://h:8000/"),
        ("http://h:8000/openai", "http://h:8000/"),
        ("http://h:8000/openai/v1", "http://h:8000/"),
        ("http://h:8000/openai/v1/", "http://h:8000/"),
        ("http://h/gateway/openai/v1", "http://h/gateway/"),
        ("http://h/gateway", "http://h/gateway/"),
    ],
)
def test_every_spelling_of_the_base_url_is_one_base(given: str, used: str) -> None:
    """With or without `/openai/v1`, the path is never doubled."""
    assert str(normalize_base_url(given)) == used
    assert str(normalize_base_url(httpx.URL(given))) == used


def test_json_is_compact_utf8_and_keeps_null() -> None:
    """None is a value, and is sent; text is not escaped."""
    assert encode_json({"a": "é\u2028", "b": None}) == '{"a":"é\u2028","b":null}'.encode()


def test_what_json_does_not_know_is_turned_into_what_it_knows() -> None:
    """Generators, dates, dataclasses, models and mappings are encoded where they stand."""

    @dataclasses.dataclass
    class Point:
        x: int

    class Model(pydantic.BaseModel):
        a: int
        b: int = 2

    body = {
        "generator": (n for n in (1, 2)),
        "date": datetime.date(2024, 5, 1),
        "dataclass": Point(1),
        "model": Model(a=1),
        "set": {3},
    }

    assert json.loads(encode_json(body)) == {
        "generator": [1, 2],
        "date": "2024-05-01",
        "dataclass": {"x": 1},
        "model": {"a": 1},
        "set": [3],
    }


def test_not_given_values_vanish_at_any_depth() -> None:
    """A TypedDict built with NOT_GIVEN entries is sent without them."""
    body = {"messages": [{"role": "user", "content": "x", "name": NOT_GIVEN}], "a": [omit, 1]}

    assert json.loads(encode_json(body)) == {
        "messages": [{"role": "user", "content": "x"}],
        "a": [1],
    }


def test_what_can_be_read_once_is_read_once() -> None:
    """A generator deep inside is sent whole, also beside a not-given value."""
    parts = ({"type": "text", "text": text} for text in ("a", "b"))
    body = {"messages": [{"role": "user", "content": parts, "name": NOT_GIVEN}]}

    content = json.loads(encode_json(body))["messages"][0]["content"]

    assert [part["text"] for part in content] == ["a", "b"]


def test_a_lone_surrogate_is_escaped_instead_of_raising() -> None:
    """Text cut in the middle of a character still makes a valid request."""
    assert encode_json({"a": "\ud83d"}) == b'{"a":"\\ud83d"}'


def test_nan_is_refused() -> None:
    """JSON has no NaN; sending one would be refused far away."""
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_json({"temperature": float("nan")})


def test_a_returned_message_is_sent_back_without_what_only_answers_have() -> None:
    """Appending an answer to `messages` works: response-only and unknown keys stay behind."""
    message = ChatCompletionMessage.construct(
        role="assistant",
        content="Hi",
        reasoning="because",
        executed_tools=[{"arguments": "{}", "index": 0, "type": "search"}],
        annotations=[],
        channel="final",
    )

    assert json.loads(encode_json([message])) == [
        {"role": "assistant", "content": "Hi", "reasoning": "because"}
    ]


def test_a_path_parameter_is_one_segment() -> None:
    """Slashes and spaces are encoded; an empty value is a mistake."""
    assert path_template("/models/{model}", model="openai/gpt oss") == "/models/openai%2Fgpt%20oss"
    with pytest.raises(ValueError, match="non-empty value for `model`"):
        path_template("/models/{model}", model="")


def test_headers_merge_without_regard_to_case() -> None:
    """A later layer replaces, `omit` removes."""
    merged = merge_headers(
        {"Accept": "a", "User-Agent": "u"}, {"accept": "b", "user-agent": omit, "X": "1"}
    )

    assert merged == {"accept": "b", "X": "1"}


def test_custom_headers_are_one_a_line() -> None:
    """Lines that are no header are ignored; values may hold colons."""
    text = "X-A: 1\nnonsense\n X-B : http://h \n: no name"

    assert parse_custom_headers(text) == {"X-A": "1", "X-B": "http://h"}
