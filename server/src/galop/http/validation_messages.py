"""Error messages for invalid request bodies, in the grammar that clients of the API parse.

    'messages.0' : for 'role:user' the following must be satisfied[( 'messages.0.content' : value must
    be a string )]

Source of the grammar: Chat Completions API, schema errors. They have no code; `param` is a dotted path.
msgspec decides whether a body is valid. Only a body that it refuses comes here, and is validated again by
`request_schema` to find the failing value and keyword.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Collection
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind

from galop.http.errors import InvalidRequestError, MalformedBodyError
from galop.http.request_schema import WRITTEN_AS_INTEGER, Schema, request_schema, request_validator
from galop.http.schema import REFUSED

# Any in this module: a JSON value.

Path = tuple[str, ...]
"""Keys and indexes from the body to a value in it; keys of over 64 characters are cut."""

_MAX_QUOTED_LENGTH = 64
_MAX_SEARCHED_BYTES = 256 * 1024
"""Takes 30 ms at most; 4 MiB of numbers take half a second (2026-11, 2 shared cores)."""
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_BUILT_IN_TOOLS = (
    "browser_search",
    "code_interpreter",
    "mcp",
    "web_search",
    "file_search",
    "custom",
)
_KNOWN_PARTS = ("image_url", "input_audio", "document", "file", "refusal", "video_url", "image")

SENTENCES = {
    "minimum": "number must be at least {}",
    "maximum": "number must be at most {}",
    "maxLength": "maximum string length is {}",
    "minItems": "minimum number of items is {}",
    "maxItems": "maximum number of items is {}",
    "maxProperties": "maximum number of properties is {}",
    "pattern": "value must match {}",
    WRITTEN_AS_INTEGER: "value must be an integer",
}
"""Failing keyword to message; `{}` stands for the value of the keyword in the schema."""

_OTHER_NAMES = {
    "stop": "stop_sequences stop_strings",
    "max_tokens": "max_new_tokens max_output_tokens max_length num_predict n_predict",
    "messages": "prompt input",
    "seed": "random_seed",
    "response_format": "format",
    "n": "num_choices best_of",
}
"""Field to its names in other APIs (separated by spaces) that are not similar in spelling."""


def validation_error(body: Any) -> InvalidRequestError:
    """The error for `body`, a parsed JSON document that msgspec refuses.

    Names the first failing value. Its `param` is None where the body is no object, and where
    `request_schema` finds no error.
    """
    try:
        request_validator().validate(body)
    except jsonschema_rs.ValidationError as error:
        path = tuple(quoted(str(step)) for step in error.instance_path)
        return _refusal(error, path, role=_role(body, path))
    return InvalidRequestError("The request body: value is not allowed", param=None)


def number_error(body: bytes) -> InvalidRequestError:
    """The error for a `body` with a number that is no finite float, or has over 4300 digits.

    Names the path of the number in bodies up to `_MAX_SEARCHED_BYTES`. Raises MalformedBodyError if the
    body is not JSON.
    """
    if len(body) > _MAX_SEARCHED_BYTES:
        return _error((), "number is out of range")
    try:
        path = _path_to_infinity([json.loads(body, parse_int=float)])
    except ValueError as error:
        raise MalformedBodyError(str(error)) from None
    return _error(path[1:] if path else (), "number is out of range")


def refuse(param: str, reason: str) -> InvalidRequestError:
    """The error for the value at `param` (dotted path); `reason` is the rule that it breaks."""
    return InvalidRequestError(f"'{param}' : {reason}", param=param)


def missing_key(path: Path, key: str, *, role: str | None = None) -> InvalidRequestError:
    """The error for an object at `path` without `key`. `role`: of the message that the object is in."""
    return _error(path, f"property '{key}' is missing", role=role, key=key)


def unknown_key(
    path: Path, key: str, known: Collection[str], *, role: str | None = None
) -> InvalidRequestError:
    """The error for an object at `path` with `key`; suggests one of the `known` keys that it may have.

    `role`: of the message that the object is in.
    """
    sentence = f"property '{quoted(key)}' is unsupported"
    meant = [
        name for name, others in _OTHER_NAMES.items() if key in others.split() and name in known
    ]
    near = difflib.get_close_matches(key[:_MAX_QUOTED_LENGTH], known, n=1, cutoff=0.6)
    if suggestions := meant or near:
        sentence += f", did you mean '{suggestions[0]}'?"
    return _error(path, sentence, role=role, key=quoted(key))


def quoted(text: str) -> str:
    """`text`, cut to 64 characters for use in a message."""
    return text if len(text) <= _MAX_QUOTED_LENGTH else text[:_MAX_QUOTED_LENGTH] + "..."


def _role(body: Any, path: Path) -> str | None:
    """The role of the message at or above `path`; None outside messages, and if the role is unknown."""
    message = body["messages"][int(path[1])] if path[:1] == ("messages",) and path[1:] else None
    role = message.get("role") if isinstance(message, dict) else None
    return role if role in _ROLES else None


def _path_to_infinity(value: dict[str, Any] | list[Any]) -> Path | None:
    path: Path | None
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, float):
            path = () if math.isinf(inner) else None
        elif isinstance(inner, dict | list):
            path = _path_to_infinity(inner)
        else:
            continue
        if path is not None:
            return (quoted(str(key)), *path)
    return None


def _refusal(
    error: jsonschema_rs.ValidationError, path: Path, *, role: str | None
) -> InvalidRequestError:
    *place, keyword = error.schema_path
    schema: Any = request_schema()
    for step in place:
        schema = schema[step]
    if isinstance(error.kind, ValidationErrorKind.AdditionalProperties):
        properties = schema["properties"].items()
        known = [name for name, property_schema in properties if REFUSED not in property_schema]
        return unknown_key(path, error.kind.unexpected[0], known, role=role)
    if isinstance(error.kind, ValidationErrorKind.Required):
        return missing_key(path, error.kind.property, role=role)
    if not path:
        return _error((), "value must be an object")
    if REFUSED in schema:
        return _refuse_by_name(path, schema[REFUSED])
    if path[-1] == "type" and (reason := _not_read(path, error.instance)):
        return _refuse_by_name(path[:-1], reason)
    return _error(path, _sentence(str(keyword), schema, error.instance), role=role)


def _not_read(path: Path, tag: Any) -> str | None:
    if path[0] == "tools" and tag in _BUILT_IN_TOOLS:
        return f"tools of the type '{tag}': only functions are called"
    if "content" in path and tag in _KNOWN_PARTS:
        return f"parts of the type '{tag}': the models served here read text"
    return None


def _refuse_by_name(path: Path, reason: str) -> InvalidRequestError:
    """The error for a field or tag of the API that this server does not implement."""
    return refuse(".".join(path), f"not supported: {reason}")


def _sentence(keyword: str, schema: Schema, value: Any) -> str:
    if keyword == "type":
        types = schema["type"]
        return _wrong_type(types if isinstance(types, list) else [types], value)
    if keyword != "enum":
        return SENTENCES[keyword].format(schema[keyword])
    if not isinstance(value, str):
        return _wrong_type(["string"], value)
    allowed = ", ".join(f"'{value}'" for value in schema["enum"])
    return f"value is not one of the allowed values [{allowed}]"


def _wrong_type(expected: list[str], value: Any) -> str:
    if value is None:
        return "Value is not nullable"
    wanted = [
        f"value must be {'an' if kind[0] in 'aio' else 'a'} {kind}"
        for kind in expected
        if kind != "null"
    ]
    if len(wanted) == 1:
        return wanted[0]
    return f"one of the following must be satisfied[( {' ) OR ( '.join(wanted)} )]"


def _error(
    path: Path, sentence: str, *, role: str | None = None, key: str | None = None
) -> InvalidRequestError:
    param = ".".join(path if key is None else (*path, key)) or None
    if role is not None:
        sentence = f"for 'role:{role}' the following must be satisfied[( '{'.'.join(path)}' : {sentence} )]"
        return InvalidRequestError(f"'{'.'.join(path[:2])}' : {sentence}", param=param)
    if path:
        return InvalidRequestError(f"'{'.'.join(path)}' : {sentence}", param=param)
    return InvalidRequestError(sentence if param else f"The request body: {sentence}", param=param)
