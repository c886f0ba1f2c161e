"""JSON Schema of a request body, rewritten so that the first validation error is the one to report.

The source is the OpenAPI component `ChatCompletionRequest`. Its unions are `anyOf`: a validator reports
that no branch fits, and tries all of them. Here a union first checks the type or the tag (`role`, `type`)
of the value and then applies the matching branch only. An object is checked in the order tag, unknown
properties and values, missing properties. Validation stops at the first error.

The rewritten schema accepts the same bodies as the component, with one exception: JSON Schema counts 1.0
as an integer, msgspec does not. Must not know the words of error messages.
"""

from __future__ import annotations

import functools
from typing import Any

import jsonschema_rs

from galop.http.openapi import wire_schemas
from galop.http.schema import ChatCompletionRequest

Schema = dict[str, Any]
"""A JSON Schema. Any: what its keywords hold differs."""

WRITTEN_AS_INTEGER = "x-written-as-integer"
"""Custom keyword: the number has no fraction and no exponent."""


@functools.cache
def request_schema() -> Schema:
    """The rewritten schema. Shared: callers must not change it."""
    references, components = wire_schemas([ChatCompletionRequest])
    return {
        **references[ChatCompletionRequest],
        "components": {"schemas": {name: _ordered(schema) for name, schema in components.items()}},
    }


@functools.cache
def request_validator() -> jsonschema_rs.Validator:
    """The validator of `request_schema()`, compiled at the first call."""
    return jsonschema_rs.validator_for(
        request_schema(),
        keywords={WRITTEN_AS_INTEGER: _WrittenAsInteger},
        # Otherwise the error's text, which is not read here, holds the failing value: up to 4 MiB.
        mask="value",
    )


class _WrittenAsInteger:
    """Implements `WRITTEN_AS_INTEGER`."""

    def __init__(self, parent_schema: Schema, value: object, schema_path: list[str | int]) -> None:
        """Takes no parameters from the schema; the signature is that of jsonschema_rs."""

    def validate(self, instance: object) -> None:
        """Raises ValueError for a float."""
        if isinstance(instance, float):
            raise ValueError(instance)


def _ordered(schema: Schema) -> Schema:
    if "discriminator" in schema:
        return {"allOf": _tagged_union(**schema["discriminator"])}
    if "anyOf" in schema:
        return {"allOf": _union_of_types(schema["anyOf"])}
    if "properties" in schema:
        return {"allOf": _object(schema)}
    if "items" in schema:
        return {**schema, "items": _ordered(schema["items"])}
    if schema.get("type") == "integer":
        return {**schema, WRITTEN_AS_INTEGER: True}
    return schema


def _union_of_types(branches: list[Schema]) -> list[Schema]:
    by_type = {_json_type(branch): branch for branch in branches}
    assert len(by_type) == len(branches), "branches of one type need a discriminator"
    return [
        {"type": list(by_type)},
        *(
            {"if": {"type": json_type}, "then": _ordered(branch)}
            for json_type, branch in by_type.items()
        ),
    ]


def _json_type(schema: Schema) -> str:
    if "$ref" in schema or "discriminator" in schema:
        return "object"
    return "string" if "enum" in schema else schema["type"]


def _tagged_union(propertyName: str, mapping: dict[str, str]) -> list[Schema]:
    return [
        _tags({propertyName: {"enum": list(mapping)}}, required=[propertyName]),
        *(
            {"if": {"properties": {propertyName: {"const": tag}}}, "then": {"$ref": reference}}
            for tag, reference in mapping.items()
        ),
    ]


def _object(schema: Schema) -> list[Schema]:
    properties, required = schema["properties"], schema.get("required", [])
    tags = {name: value for name, value in properties.items() if len(value.get("enum", ())) == 1}
    return [
        _tags(tags, required=[name for name in tags if name in required]),
        {
            "properties": {name: _ordered(value) for name, value in properties.items()},
            "additionalProperties": schema["additionalProperties"],
        },
        {"required": required},
    ]


def _tags(tags: Schema, *, required: list[str]) -> Schema:
    return {"type": "object", "required": required, "properties": tags}
