"""The description of the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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


def test_every_reference_resolves() -> None:
    """Nothing points outside the document."""
    document = openapi_document("1")
    names = {reference.rpartition("/")[2] for reference in references(document)}
    assert names <= set(document["components"]["schemas"])


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


def test_what_is_always_sent_is_required() -> None:
    """logprobs, though null, is on every choice."""
    assert "logprobs" in schema_of("Choice")["required"]
    assert set(schema_of("ChatCompletion")["required"]) >= {"usage", "x_groq", "choices"}
