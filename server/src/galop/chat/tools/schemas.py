"""The JSON Schema of a function's arguments: its own check, and the check of arguments against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import msgspec

from galop.grammar.validation import schema_validator

# Any in this module: a JSON Schema is JSON.

NO_ARGUMENTS = '{"type":"object","properties":{},"additionalProperties":false}'
"""For functions without `parameters` (API reference: "omitting parameters defines a function with an
empty parameter list")."""


class ParametersError(Exception):
    """The schema is refused at `path`, keys and indexes; `reason` is a clause."""

    def __init__(self, path: tuple[str, ...], reason: str) -> None:
        super().__init__(f"{'.'.join(path)}: {reason}")
        self.path = path
        self.reason = reason


def arguments_schema(parameters: Mapping[str, Any] | None) -> str:
    """The schema as JSON text, narrowed to objects, which arguments always are.

    Raises `ParametersError` if `type` allows no object. Compiles nothing.
    """
    if parameters is None:
        return NO_ARGUMENTS
    schema = dict(parameters)
    types = schema.get("type", "object")
    if types != "object" and not (isinstance(types, list) and "object" in types):
        raise ParametersError(("type",), "must be 'object': arguments have names")
    schema["type"] = "object"
    return msgspec.json.encode(schema).decode()


def check_schema(schema: str) -> None:
    """Raises `ParametersError` if `schema` is no JSON Schema (draft 2020-12 unless `$schema` names another
    one) or refers to another document. Milliseconds for a schema that is not in the cache."""
    try:
        schema_validator(schema)
    except jsonschema_rs.ValidationError as error:
        raise ParametersError(tuple(map(str, error.instance_path)), error.message) from None
    except ValueError as error:
        raise ParametersError((), str(error).splitlines()[0]) from None


def why_invalid(schema: str, arguments: str) -> str | None:
    """The first fault of a call's arguments, as a clause; None if the schema allows them."""
    try:
        instance = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "the arguments are not JSON"
    error = next(schema_validator(schema).iter_errors(instance), None)
    if error is None:
        return None
    return f"at '/{'/'.join(map(str, error.instance_path))}': {error.message}"


def require_grammar(schema: str, *, is_strict: bool) -> None:
    """Raises `galop.grammar.errors.SchemaError` if arguments of this schema cannot be constrained.

    `is_strict`: also if no valid arguments are found. Milliseconds for a schema that is not in the cache.
    """
    from galop.grammar.text import document_text  # loads llguidance, which a server may never need

    document_text(schema).check(is_strict=is_strict)
