"""The description of the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from galop.http.openapi import openapi_document
from galop.http.schema import ChatCompletionRequest

if TYPE_CHECKING:
    from server.tests.http.conftest import Caller


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def schema_of(name: str) -> Any:
    return openapi_document("1")["components"]["schemas"][name]


def test_the_document_is_served_as_openapi_3_1(caller: Caller) -> None:
    """With the paths that are served."""
    document = caller.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["info"]) >= {"title", "version"}
    assert "post" in document["paths"]["/openai/v1/chat/completions"]


def test_every_described_path_is_served(caller: Caller) -> None:
    """No description without a route."""
    for path, operations in openapi_document("1")["paths"].items():
        for method in operations:
            url = path.replace("{model}", "plain")
            answer = caller.post(path=url) if method == "post" else caller.get(url)
            assert answer.status == 200


def test_metrics_are_described_where_they_are_served(make_caller: Callable[..., Caller]) -> None:
    """With the page that the application was given."""
    caller = make_caller(metrics_page=lambda accept: (b"galop_info 1", "text/plain"))
    assert "/metrics" in caller.get("/openapi.json").json()["paths"]
    assert caller.get("/metrics").body == b"galop_info 1"


def test_every_reference_resolves() -> None:
    """Nothing points outside the document."""
    document = openapi_document("1")
    names = {reference.rpartition("/")[2] for reference in references(document)}
    assert names <= set(document["components"]["schemas"])


def validator_of(name: str) -> jsonschema_rs.Draft202012Validator:
    components = openapi_document("1")["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    return jsonschema_rs.Draft202012Validator(schema)


def test_every_schema_is_a_json_schema() -> None:
    """OpenAPI 3.1 speaks JSON Schema 2020-12."""
    for schema in openapi_document("1")["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        )


@pytest.mark.parametrize(
    ("parameters", "is_valid"),
    [
        ({}, True),
        ({"stop": ["a"], "n": 2, "tools": [], "logit_bias": {"5": -1}, "seed": None}, True),
        ({"temperature": 3}, False),
        ({"tools": [{}]}, False),
        ({"unknown": 1}, False),
        ({"messages": [{"role": "robot", "content": "x"}]}, False),
    ],
)
def test_the_description_and_the_server_agree(
    caller: Caller, smallest_body: dict[str, Any], parameters: dict[str, Any], is_valid: bool
) -> None:
    """What the one accepts the other does."""
    body = {**smallest_body, **parameters}
    assert validator_of("ChatCompletionRequest").is_valid(body) == is_valid
    assert (caller.post(body).status == 200) == is_valid


def test_answers_and_errors_are_as_described(caller: Caller) -> None:
    """Key by key."""
    validator_of("ChatCompletion").validate(caller.post().json())
    validator_of("ErrorResponse").validate(caller.post(temperature=3).json())
    validator_of("ModelList").validate(caller.get("/v1/models").json())
    for line in caller.post(stream=True).body.split(b"\n\n")[:-2]:
        validator_of("ChatCompletionChunk").validate(json.loads(line.removeprefix(b"data: ")))


def test_every_operation_has_an_id_of_its_own() -> None:
    """Generators of clients name methods after them."""
    operations = [
        operation for path in openapi_document("1")["paths"].values() for operation in path.values()
    ]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    assert all("responses" in operation for operation in operations)


def test_the_request_is_closed_and_every_parameter_described() -> None:
    """Each says what happens to it."""
    schema = schema_of("ChatCompletionRequest")
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["messages", "model"]
    assert list(schema["properties"]) == list(ChatCompletionRequest.__struct_fields__)
    assert all(part.get("description") for part in schema["properties"].values())


def test_allowed_values_keep_the_order_of_their_declaration() -> None:
    """Also those inside a union with null."""
    effort = schema_of("ChatCompletionRequest")["properties"]["reasoning_effort"]
    assert {"enum": ["none", "default", "low", "medium", "high"]} in effort["anyOf"]


def test_what_is_always_sent_is_required() -> None:
    """logprobs, though null, is on every choice."""
    assert "logprobs" in schema_of("Choice")["required"]
    assert set(schema_of("ChatCompletion")["required"]) >= {"usage", "x_groq", "choices"}
