"""From a Python type to a strict JSON Schema, and from the model's text back to the type. Pure.

A type is a pydantic model, a dataclass, a TypedDict, or anything else pydantic can describe; a
plain JSON Schema is accepted too and gives plain data.

Strict mode (API contract, 1.5) wants every object closed and every property required. So a field
with a default becomes required as well: the model always writes it, and the default is not used.
Keywords that servers refuse in strict mode are left out of the request and still hold when the
answer is validated here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeGuard, cast

from ._exceptions import OutputParseError

NAME_PATTERN = re.compile(r"[^a-zA-Z0-9_-]+")

# Refused by the service for strict schemas; the answer is checked against them on this side.
_UNSUPPORTED = frozenset({"default", "minItems", "maxItems", "uniqueItems", "title", "examples"})


def is_type(value: object) -> bool:
    """Whether `value` names a type to parse into, rather than a format or a schema."""
    return isinstance(value, type) or hasattr(value, "__origin__")


def is_schema(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a mapping is a bare JSON Schema, and not a `response_format` object already."""
    return isinstance(value, Mapping) and value.get("type") not in (
        "text",
        "json_object",
        "json_schema",
    )


def to_response_format(value: Any) -> Any:
    """`response_format` for the wire: types and bare schemas are wrapped, the rest is passed on."""
    if is_type(value):
        schema, name = type_schema(value), type_name(value)
    elif is_schema(value):
        schema, name = strict_schema(value), str(value.get("title", "answer"))
    elif hasattr(value, "__pydantic_fields_set__") or hasattr(value, "__dataclass_fields__"):
        kind = type(value).__name__
        raise TypeError(f"`response_format`: pass the class {kind}, not an instance of it")
    else:
        return value
    return {
        "type": "json_schema",
        "json_schema": {"name": schema_name(name), "schema": schema, "strict": True},
    }


def to_tool(value: Any) -> Any:
    """A tool for the wire: a type becomes a function of that name, the rest is passed on."""
    if not is_type(value):
        return value
    function: dict[str, Any] = {
        "name": schema_name(type_name(value)),
        "parameters": type_schema(value),
        "strict": True,
    }
    description = (getattr(value, "__doc__", None) or "").strip()
    # Dataclasses and TypedDicts invent a docstring that only repeats the signature.
    if description and not description.startswith((f"{type_name(value)}(", "dict(")):
        function["description"] = description
    return {"type": "function", "function": function}


def type_name(type_: Any) -> str:
    return str(getattr(type_, "__name__", "answer"))


def schema_name(name: str) -> str:
    """Letters, digits, `_` and `-`, at most 64: what the API takes as a name."""
    return NAME_PATTERN.sub("_", name)[:64].strip("_") or "answer"


@lru_cache(maxsize=256)
def _adapter(type_: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(type_)


def type_schema(type_: Any) -> dict[str, Any]:
    """The strict JSON Schema of a type."""
    return strict_schema(_adapter(type_).json_schema())


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` by the rules of strict mode; the argument is not changed."""
    return cast("dict[str, Any]", _strict(schema, schema))


def _strict(node: Any, root: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_strict(item, root) for item in node]
    if not isinstance(node, Mapping):
        return node
    node = dict(node)
    if "$ref" in node and len(node) > 1:  # a reference may not have siblings
        node = {**_resolve(node.pop("$ref"), root), **node}
    if len(node.get("allOf", ())) == 1:
        node = {**node.pop("allOf")[0], **node}
        return _strict(node, root)
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")
        node.pop("discriminator", None)
    if "const" in node:
        node["enum"] = [node.pop("const")]
    strict: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("properties", "$defs", "definitions"):
            strict[key] = {name: _strict(child, root) for name, child in value.items()}
        elif key in ("items", "anyOf", "prefixItems", "not"):
            strict[key] = _strict(value, root)
        elif key not in _UNSUPPORTED:
            strict[key] = value
    if "properties" in strict or strict.get("type") == "object":
        strict.setdefault("properties", {})
        strict["additionalProperties"] = False
        strict["required"] = list(strict["properties"])
    return strict


def _resolve(reference: str, root: Mapping[str, Any]) -> dict[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if part:
            found = found[part.replace("~1", "/").replace("~0", "~")]
    return dict(found)


def parse_text(type_: Any, text: str) -> Any:
    """`text` as an instance of `type_`, or as plain data where that is a schema.

    Raises OutputParseError, whose cause is what pydantic or json found.
    """
    try:
        if is_type(type_):
            return _adapter(type_).validate_json(text)
        return json.loads(text)
    except ValueError as error:
        raise OutputParseError(text=text, expected=type_name(type_)) from error


def partial_value(type_: Any, text: str) -> Any:
    """What can be read of a JSON document that is still being written; None if nothing can.

    A model is built leniently: fields that have not come yet are their defaults, or None.
    """
    from pydantic_core import from_json

    from ._models import construct_type

    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return None
    return construct_type(value=value, type_=type_) if isinstance(type_, type) else value


def tool_types(tools: Iterable[Any] | None) -> dict[str, Any]:
    """Function name -> type, for the tools that were given as types."""
    return {schema_name(type_name(tool)): tool for tool in tools or () if is_type(tool)}
