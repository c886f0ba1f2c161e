"""Reading answers: strictly where possible, leniently where necessary, never with an error."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from groq._models import BaseModel, construct_type, json_validator, model_from_json
from groq.types import Embedding
from groq.types.chat import ChatCompletion, ChatCompletionChunk


def read(payload: object) -> Any:  # odd answers are the point: their types promise nothing
    return model_from_json(ChatCompletion, json.dumps(payload).encode())


def test_a_documented_answer_takes_the_fast_way(completion: Callable[..., object]) -> None:
    """No fallback is needed for what the API reference shows."""
    content = json.dumps(completion()).encode()

    parsed = json_validator(ChatCompletion)(content, strict=True)

    assert parsed.choices[0].message.content == "Hello."
    assert parsed.to_dict() == json.loads(content)


def test_both_ways_build_equal_objects(completion: Callable[..., object]) -> None:
    """Lenient construction of a good answer gives what validation gives."""
    payload = completion(extra={"deep": [1]})

    assert construct_type(value=payload, type_=ChatCompletion) == read(payload)


@pytest.mark.parametrize(
    ("change", "attribute", "value"),
    [
        ({"created": "12"}, "created", "12"),
        ({"id": 5}, "id", 5),
        ({"object": "other"}, "object", "other"),
        ({"choices": None}, "choices", None),
        ({"choices": {"a": 1}}, "choices", {"a": 1}),
        ({"service_tier": "gold"}, "service_tier", "gold"),
        ({"x_groq": "odd"}, "x_groq", "odd"),
        ({"brand_new": [1]}, "brand_new", [1]),
    ],
)
def test_an_unexpected_value_is_kept(
    completion: Callable[..., object], change: dict[str, object], attribute: str, value: object
) -> None:
    """Unknown fields, wrong types and new enum values are readable as they came."""
    answer = read({**json.loads(json.dumps(completion())), **change})

    assert getattr(answer, attribute) == value
    assert answer.model == "llama3-8b-8192"


def test_a_missing_field_reads_as_none() -> None:
    """Also a required one: an answer is read, not judged."""
    answer = read({"id": "x"})

    assert answer.choices is None
    assert answer.to_dict() == {"id": "x"}
    assert answer.model_fields_set == {"id"}


def test_an_unknown_finish_reason_keeps_the_rest_typed() -> None:
    """One odd value deep inside does not turn the objects around it into dicts."""
    answer = read(
        {"choices": [{"index": 0, "finish_reason": "weird", "message": {"role": "assistant"}}]}
    )

    assert answer.choices[0].finish_reason == "weird"
    assert answer.choices[0].message.content is None


def test_a_delta_has_its_keys_even_when_unset() -> None:
    """`model_dump()` of a chunk shows `delta.content` although the event did not."""
    chunk = model_from_json(
        ChatCompletionChunk, b'{"choices":[{"index":0,"delta":{},"finish_reason":null}]}'
    )

    assert chunk.model_dump()["choices"][0]["delta"]["content"] is None


def test_a_lone_surrogate_in_an_answer_is_readable() -> None:
    """What pydantic-core refuses as JSON text is still decoded."""
    answer = read({"id": "\ud83d"})

    assert answer.id == "\ud83d"


def test_calling_the_class_validates() -> None:
    """Keyword construction is strict, unlike reading."""
    with pytest.raises(ValidationError):
        ChatCompletion(id="x")  # type: ignore[call-arg]


def test_embeddings_are_floats_or_text() -> None:
    """Both encodings come out as what they are."""
    for value in ([1, 2.5], "AAAA"):
        content = json.dumps({"embedding": value, "index": 0, "object": "embedding"}).encode()
        assert model_from_json(Embedding, content).embedding == value


def test_answers_pickle_and_copy(completion: Callable[..., object]) -> None:
    """With their unknown fields."""
    answer = read(completion(extra=1))

    assert pickle.loads(pickle.dumps(answer)) == answer
    assert copy.deepcopy(answer) == answer
    assert isinstance(answer, BaseModel)
