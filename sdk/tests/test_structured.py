"""Types in, schemas out; text back, instances out; streams told as events."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

import groq
from groq import AsyncGroq, ChatCompletionAccumulator, Groq
from groq._models import construct_type, model_from_json
from groq._structured import (
    partial_value,
    schema_name,
    strict_schema,
    to_response_format,
    to_tool,
    type_schema,
)
from groq.types.chat import ChatCompletion, ChatCompletionChunk

if TYPE_CHECKING:
    from sdk.tests.conftest import Exchange, LoopbackServer

Serve = Callable[[Callable[["Exchange"], None]], "LoopbackServer"]
Payload = Callable[..., dict[str, object]]

HELLO: Any = [{"role": "user", "content": "A recipe."}]


class Ingredient(BaseModel):
    name: str
    quantity: float | None = None


class Recipe(BaseModel):
    """A dish."""

    title: str = Field(description="What it is called.")
    kind: Literal["soup", "cake"] = "soup"
    ingredients: list[Ingredient] = Field(default_factory=list, min_length=1)


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Row(TypedDict):
    a: int


RECIPE = '{"title":"Leek soup","kind":"soup","ingredients":[{"name":"leek","quantity":2}]}'


# --------------------------------------------------------------------------- schemas


def test_every_object_is_closed_and_every_property_required() -> None:
    """Strict mode's two rules hold at every depth; refused keywords are gone."""
    schema = type_schema(Recipe)

    for node in (schema, schema["$defs"]["Ingredient"]):
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
    assert "minItems" not in json.dumps(schema)
    assert "default" not in json.dumps(schema)
    assert schema["properties"]["title"]["description"] == "What it is called."


def test_a_field_called_like_a_keyword_survives() -> None:
    """Property names are data, also if they are `title` or `default`."""

    class Odd(BaseModel):
        title: str
        default: int

    assert list(type_schema(Odd)["properties"]) == ["title", "default"]


def test_references_with_siblings_are_written_out() -> None:
    """`$ref` beside a description is not allowed in strict mode."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A", "description": "d"}},
        "$defs": {"A": {"type": "object", "properties": {"x": {"const": 1}}}},
    }

    strict = strict_schema(schema)

    assert strict["properties"]["a"]["description"] == "d"
    assert strict["properties"]["a"]["properties"] == {"x": {"enum": [1]}}
    assert strict["properties"]["a"]["additionalProperties"] is False
    assert "additionalProperties" not in schema["$defs"]["A"], "the argument is not changed"


@pytest.mark.parametrize("type_", [Recipe, Point, Row, list[int]])
def test_types_of_every_kind_become_formats(type_: Any) -> None:
    """pydantic, dataclass, TypedDict and generics."""
    response_format = to_response_format(type_)

    assert response_format["type"] == "json_schema"
    assert response_format["json_schema"]["strict"] is True
    assert response_format["json_schema"]["name"]


def test_a_format_object_is_passed_on_as_it_is() -> None:
    """Only types and bare schemas are wrapped."""
    given = {"type": "json_object"}

    assert to_response_format(given) is given
    assert to_response_format({"type": "object"})["json_schema"]["name"] == "answer"


def test_a_type_becomes_a_function() -> None:
    """With its docstring as description."""
    tool = to_tool(Recipe)

    assert tool["function"]["name"] == "Recipe"
    assert tool["function"]["description"] == "A dish."
    assert tool["function"]["parameters"]["additionalProperties"] is False
    assert "description" not in to_tool(Point)["function"]


def test_names_are_made_of_what_the_api_allows() -> None:
    """Brackets of generics and dots are replaced; nothing is longer than 64."""
    assert schema_name("Page[int]") == "Page_int"
    assert schema_name("é") == "answer"
    assert len(schema_name("x" * 99)) == 64


# --------------------------------------------------------------------------- parse


def test_parse_returns_an_instance(serve: Serve, completion: Payload) -> None:
    """The schema is sent, the text is read, and the result is an ordinary completion too."""
    server = serve(lambda exchange: exchange.respond(completion(RECIPE)))
    with Groq(api_key="k", base_url=server.url) as client:
        answer = client.chat.completions.parse(
            model="m", messages=HELLO, response_format=Recipe, temperature=0
        )

    assert isinstance(answer.parsed, Recipe)
    assert answer.choices[0].message.parsed == Recipe.model_validate_json(RECIPE)
    assert isinstance(answer, ChatCompletion)
    assert answer.to_dict() == completion(RECIPE)
    assert server.exchanges[0].json()["response_format"]["json_schema"]["name"] == "Recipe"


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (Point, '{"x":1,"y":2}', Point(1, 2)),
        (Row, '{"a":1}', {"a": 1}),
        ({"type": "object"}, '{"z":1}', {"z": 1}),
        ({"type": "json_object"}, '{"z":1}', {"z": 1}),
    ],
)
def test_parse_reads_every_kind_of_type(
    serve: Serve, completion: Payload, type_: Any, text: str, value: object
) -> None:
    """A dataclass as itself, a schema as plain data."""
    server = serve(lambda exchange: exchange.respond(completion(text)))
    with Groq(api_key="k", base_url=server.url) as client:
        answer = client.chat.completions.parse(model="m", messages=HELLO, response_format=type_)

    assert answer.parsed == value


async def test_parse_asynchronously_with_tools(serve: Serve, completion: Payload) -> None:
    """The arguments of a call are read as the type that the tool was given as."""
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "Point", "arguments": '{"x":1,"y":2}'},
    }
    message = {"role": "assistant", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}
    server = serve(lambda exchange: exchange.respond(completion(choices=[choice])))
    async with AsyncGroq(api_key="k", base_url=server.url) as client:
        answer = await client.chat.completions.parse(model="m", messages=HELLO, tools=[Point])

    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.parsed_arguments == Point(1, 2)
    assert answer.parsed is None
    sent = server.exchanges[0].json()
    assert sent["tools"][0]["function"]["name"] == "Point"
    assert "response_format" not in sent


def test_an_answer_that_was_cut_off_is_not_parsed(serve: Serve, completion: Payload) -> None:
    """The completion comes with the error."""
    payload = json.loads(json.dumps(completion('{"title":')))
    payload["choices"][0]["finish_reason"] = "length"
    server = serve(lambda exchange: exchange.respond(payload))
    with (
        Groq(api_key="k", base_url=server.url) as client,
        pytest.raises(groq.LengthFinishReasonError) as caught,
    ):
        client.chat.completions.parse(model="m", messages=HELLO, response_format=Recipe)

    assert caught.value.completion.choices[0].message.content == '{"title":'
    assert pickle.loads(pickle.dumps(caught.value)).completion.id == "chatcmpl-1"


def test_a_document_that_the_server_closed_in_time_is_parsed(
    serve: Serve, completion: Payload
) -> None:
    """`finish_reason` still tells that it was cut short."""
    payload = json.loads(
        json.dumps(completion('{"title":"x","kind":"soup","ingredients":[{"name":"a","grams":1}]}'))
    )
    payload["choices"][0]["finish_reason"] = "length"
    payload["x_groq"] = {"id": "req_1", "json_completed": True}
    server = serve(lambda exchange: exchange.respond(payload))
    with Groq(api_key="k", base_url=server.url) as client:
        answer = client.chat.completions.parse(model="m", messages=HELLO, response_format=dict)
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.parsed == json.loads(
        payload["choices"][0]["message"]["content"]
    )


def test_an_answer_of_another_shape_is_an_error(serve: Serve, completion: Payload) -> None:
    """Constraints that strict mode cannot carry are checked on this side."""
    text = '{"title":"x","kind":"soup","ingredients":[]}'
    server = serve(lambda exchange: exchange.respond(completion(text)))
    with (
        Groq(api_key="k", base_url=server.url) as client,
        pytest.raises(groq.OutputParseError) as caught,
    ):
        client.chat.completions.parse(model="m", messages=HELLO, response_format=Recipe)

    assert (caught.value.text, caught.value.expected) == (text, "Recipe")
    assert "at least 1 item" in str(caught.value.__cause__)


def test_create_takes_a_type_too(serve: Serve, completion: Payload) -> None:
    """Its schema is sent; the answer stays text."""
    server = serve(lambda exchange: exchange.respond(completion(RECIPE)))
    with Groq(api_key="k", base_url=server.url) as client:
        answer = client.chat.completions.create(model="m", messages=HELLO, response_format=Recipe)

    assert answer.choices[0].message.content == RECIPE
    assert server.exchanges[0].json()["response_format"]["type"] == "json_schema"


def test_parsed_results_travel_and_dump_without_warnings(serve: Serve, completion: Payload) -> None:
    """Pickle and copy keep `parsed`; dumps and requests do not contain it."""
    server = serve(lambda exchange: exchange.respond(completion(RECIPE)))
    with Groq(api_key="k", base_url=server.url) as client:
        answer = client.chat.completions.parse(model="m", messages=HELLO, response_format=Recipe)
        client.chat.completions.create(model="m", messages=[*HELLO, answer.choices[0].message])

    for twin in (pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
        assert twin.parsed == answer.parsed
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "parsed" not in answer.model_dump()["choices"][0]["message"]
        answer.model_dump_json()
    assert "parsed=Recipe" in repr(answer)
    assert server.exchanges[1].json()["messages"][1] == {"role": "assistant", "content": RECIPE}


# --------------------------------------------------------------------------- accumulate


def delta_chunk(
    delta: dict[str, object], finish_reason: str | None = None, **fields: object
) -> Any:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    chunk = {"id": "c", "created": 1, "model": "m", "object": "chat.completion.chunk"}
    return model_from_json(
        ChatCompletionChunk, json.dumps({**chunk, "choices": [choice], **fields}).encode()
    )


USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def test_chunks_fold_into_the_completion_they_stream() -> None:
    """Text, reasoning, tool calls in pieces, finish reason, usage and ids."""
    accumulator = ChatCompletionAccumulator()
    call = {"index": 0, "id": "call_1", "type": "function"}
    for chunk in (
        delta_chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1", "seed": 7}),
        delta_chunk({"reasoning": "hm"}),
        delta_chunk({"content": "Hel"}),
        delta_chunk({"content": "lo"}),
        delta_chunk({"tool_calls": [{**call, "function": {"name": "f", "arguments": '{"a"'}}]}),
        delta_chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        delta_chunk({}, "tool_calls", x_groq={"id": "req_1", "usage": USAGE}),
    ):
        accumulator.add(chunk)

    answer = accumulator.completion()

    message = answer.choices[0].message
    assert (message.role, message.content, message.reasoning) == ("assistant", "Hello", "hm")
    assert message.tool_calls is not None
    assert message.tool_calls[0].to_dict() == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a":1}'},
    }
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 3
    assert answer.x_groq is not None
    assert (answer.x_groq.id, answer.x_groq.seed) == ("req_1", 7)


def test_choices_are_folded_separately() -> None:
    """With n > 1 the chunks of several choices are interleaved."""
    accumulator = ChatCompletionAccumulator()
    for index, text in ((1, "b"), (0, "a"), (1, "B"), (0, "A")):
        accumulator.add(
            construct_type(
                value={"choices": [{"index": index, "delta": {"content": text}}]},
                type_=ChatCompletionChunk,
            )
        )

    contents = [choice.message.content for choice in accumulator.completion().choices]

    assert contents == ["aA", "bB"]


def test_a_document_can_be_read_while_it_is_being_written() -> None:
    """Every prefix of the text gives an object or nothing, never an error."""
    for end in range(len(RECIPE) + 1):
        partial = partial_value(Recipe, RECIPE[:end])
        assert partial is None or isinstance(partial, Recipe) or end < 2

    half = partial_value(Recipe, RECIPE[: RECIPE.index("leek") + 2])
    assert half.title == "Leek soup"
    assert half.ingredients[0].name == "le"


# --------------------------------------------------------------------------- stream


def recipe_stream(serve: Serve, chunk: Payload, end: bool = True) -> LoopbackServer:
    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        for start in range(0, len(RECIPE), 10):
            exchange.send_event(chunk(RECIPE[start : start + 10]))
        if end:
            exchange.send_event(chunk(finish_reason="stop"))
            exchange.send_event("[DONE]")
        exchange.end_stream()

    return serve(handler)


def test_stream_tells_what_happens(serve: Serve, chunk: Payload) -> None:
    """Chunks, then what they mean; partial objects on the way, the whole one at the end."""
    server = recipe_stream(serve, chunk)
    titles = []
    with Groq(api_key="k", base_url=server.url) as client:
        manager = client.chat.completions.stream(model="m", messages=HELLO, response_format=Recipe)
        with manager as stream:
            for event in stream:
                if event.type == "content.delta" and event.partial is not None:
                    titles.append(event.partial.title)
                if event.type == "content.done":
                    assert event.parsed == Recipe.model_validate_json(RECIPE)
            answer = stream.get_final_completion()

    assert titles[-1] == "Leek soup"
    assert answer.parsed == Recipe.model_validate_json(RECIPE)
    assert server.exchanges[0].json()["stream"] is True


async def test_stream_asynchronously(serve: Serve, chunk: Payload) -> None:
    """The same with `async with` and `async for`; text alone is there too."""
    server = recipe_stream(serve, chunk)
    async with AsyncGroq(api_key="k", base_url=server.url) as client:
        async with client.chat.completions.stream(model="m", messages=HELLO) as stream:
            pieces = [piece async for piece in stream.text_stream]
            assert "".join(pieces) == RECIPE
        async with client.chat.completions.stream(
            model="m", messages=HELLO, response_format=Recipe
        ) as typed:
            assert (await typed.get_final_completion()).parsed is not None
        async with client.chat.completions.stream(model="m", messages=HELLO) as stream:
            assert await stream.get_final_text() == RECIPE


def test_stream_can_require_completeness(serve: Serve, chunk: Payload) -> None:
    """A stream that just stops is an error then."""
    server = recipe_stream(serve, chunk, end=False)
    with (
        Groq(api_key="k", base_url=server.url) as client,
        client.chat.completions.stream(model="m", messages=HELLO, require_complete=True) as stream,
        pytest.raises(groq.IncompleteStreamError),
    ):
        stream.until_done()


def test_leaving_the_helper_closes_the_stream(serve: Serve, chunk: Payload) -> None:
    """The end of the `with` block ends the generation."""

    def handler(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.send_event(chunk("x"))
        server.disconnects_s.append(exchange.wait_for_disconnect(3))
        exchange.cut()

    server = serve(handler)
    with Groq(api_key="k", base_url=server.url) as client:
        with client.chat.completions.stream(model="m", messages=HELLO) as stream:
            for event in stream:
                if event.type == "content.delta":
                    break
        for _ in range(100):
            if server.disconnects_s:
                break
            time.sleep(0.01)

    assert server.disconnects_s != [None]
    assert len(server.disconnects_s) == 1
