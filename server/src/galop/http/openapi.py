"""GET /openapi.json: the description of this API, made from the wire types."""

from __future__ import annotations

from typing import Any

import msgspec

from galop.http.errors import ERROR_TABLE
from galop.http.schema import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionRequest,
    ErrorResponse,
    ModelList,
    ModelObject,
)

# Any in this module: an OpenAPI document is JSON.

_TYPES = (
    ChatCompletionRequest,
    ChatCompletion,
    ChatCompletionChunk,
    ErrorResponse,
    ModelList,
    ModelObject,
)


def openapi_document(version: str, *, has_metrics: bool = False) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a server of this `version`."""
    references, components = msgspec.json.schema_components(
        _TYPES, ref_template="#/components/schemas/{name}"
    )
    schema: dict[type, Any] = dict(zip(_TYPES, references, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "galop",
            "version": version,
            "description": "Chat completions by a model on this machine. Each path is also served "
            "without the prefix /openai.",
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


_STREAM_EXAMPLE = """\
data: {"id":"chatcmpl-...","object":"chat.completion.chunk","choices":[{"delta":{"content":"Hi"},...}],...}

data: [DONE]

"""
"""Each event but the last is a ChatCompletionChunk."""


def _completions_operation(schema: dict[type, Any]) -> dict[str, Any]:
    request = {"application/json": {"schema": schema[ChatCompletionRequest]}}
    answer = _json("The answer, in one piece or streamed", schema[ChatCompletion])
    # OpenAPI 3.1 has no words for events: readers disagree on whether a schema is that of one or of all.
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
                "description": "May hold slashes, as they are or as %2F.",
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
