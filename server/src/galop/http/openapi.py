"""GET /openapi.json: the OpenAPI document, generated from the wire types and the error table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from galop.http.errors import ERROR_TABLE
from galop.http.schema import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionRequest,
    ErrorResponse,
    ModelList,
    ModelObject,
    WireServiceTier,
)
from galop.protocol.literals import ReasoningEffort, ReasoningFormat, ToolChoice

# Any in this module: an OpenAPI document is JSON.

_TYPES = (
    ChatCompletionRequest,
    ChatCompletion,
    ChatCompletionChunk,
    ErrorResponse,
    ModelList,
    ModelObject,
)
_CHOICES = {
    frozenset(get_args(choices)): list(get_args(choices))
    for choices in (WireServiceTier, ToolChoice, ReasoningFormat, ReasoningEffort)
}


def openapi_document(version: str, *, has_metrics: bool = False) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a server of this `version`."""
    schema, components = wire_schemas(_TYPES)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "galop",
            "version": version,
            "description": "Chat completions by a model on this machine. Each path is also served "
            "without the prefix /openai. Integers are written without a fraction and an exponent.",
        },
        "paths": {
            "/openai/v1/chat/completions": {"post": _completions_operation(schema)},
            "/openai/v1/models": {
                "get": {
                    "operationId": "listModels",
                    "summary": "Every model and alias",
                    "responses": {"200": _json("The models", schema[ModelList])},
                }
            },
            "/openai/v1/models/{model}": {"get": _model_operation(schema)},
            "/healthz": {"get": _probe("isAlive", "Whether the process answers")},
            "/readyz": {"get": _probe("isReady", "Whether requests are answered now")},
            **({"/metrics": {"get": _metrics_operation()}} if has_metrics else {}),
        },
        "components": {"schemas": components},
    }


def wire_schemas(types: Sequence[type]) -> tuple[dict[type, Any], dict[str, Any]]:
    """The `$ref` schema of each type, and the components (name to JSON Schema) they refer to."""
    references, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    for component in components.values():
        _put_choices_in_order(component)
    return dict(zip(types, references, strict=True)), components


def _put_choices_in_order(schema: Any) -> None:
    """Puts the values of each enum, which msgspec sorts, into the order of declaration, in place."""
    if isinstance(schema, list):
        for item in schema:
            _put_choices_in_order(item)
    elif isinstance(schema, dict):
        for value in schema.values():
            _put_choices_in_order(value)
        if isinstance(enum := schema.get("enum"), list):
            schema["enum"] = _CHOICES.get(frozenset(enum), enum)


_STREAM_EXAMPLE = """\
data: {"id":"chatcmpl-...","object":"chat.completion.chunk","choices":[{"delta":{"content":"Hi"},...}],...}

data: [DONE]

"""
"""Each event but the last is a ChatCompletionChunk."""


def _completions_operation(schema: dict[type, Any]) -> dict[str, Any]:
    request = {"application/json": {"schema": schema[ChatCompletionRequest]}}
    answer = _json("The answer, streamed or not", schema[ChatCompletion])
    # An example, not a schema: readers of OpenAPI 3.1 disagree whether it would describe one event or all.
    answer["content"]["text/event-stream"] = {"example": _STREAM_EXAMPLE}
    statuses = sorted({row.status for row in ERROR_TABLE.values()} - {405})
    return {
        "operationId": "createChatCompletion",
        "summary": "Completes a conversation",
        "requestBody": {"required": True, "content": request},
        "responses": {
            "200": answer,
            **{str(status): _failure(status, schema[ErrorResponse]) for status in statuses},
        },
    }


def _model_operation(schema: dict[type, Any]) -> dict[str, Any]:
    return {
        "operationId": "retrieveModel",
        "summary": "One model",
        "parameters": [
            {
                "name": "model",
                "in": "path",
                "required": True,
                "description": "Slashes may be written as they are or as %2F.",
                "schema": {"type": "string"},
            }
        ],
        "responses": {
            "200": _json("The model", schema[ModelObject]),
            "404": _failure(404, schema[ErrorResponse]),
        },
    }


def _probe(operation_id: str, summary: str) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "Yes"}}
    if operation_id == "isReady":
        responses["503"] = {"description": "No; the body says why"}
    return {"operationId": operation_id, "summary": summary, "responses": responses}


def _metrics_operation() -> dict[str, Any]:
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "operationId": "metrics",
        "summary": "Metrics in the text format of Prometheus",
        "responses": {"200": {"description": "The metrics", "content": text}},
    }


def _failure(status: int, reference: Any) -> dict[str, Any]:
    reasons = [row.when for row in ERROR_TABLE.values() if row.status == status]
    return _json(" ".join(reasons), reference)


def _json(description: str, reference: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": reference}}}
