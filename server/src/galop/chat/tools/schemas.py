"""The JSON Schema of a function's arguments: checked before, and used to check what was called."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import msgspec

from galop.grammar.validation import validator_of

if TYPE_CHECKING:
    from galop.grammar.compiled_schema import CompiledSchema

# Any in this module: a JSON Schema is JSON.

NO_ARGUMENTS = '{"type":"object","properties":{},"additionalProperties":false}'
"""For functions without `parameters` (API reference: "omitting parameters defines a function with an
empty parameter list")."""


class ParametersError(Exception):
    """No schema for arguments: `path` says where in it, `reason` why, as a clause."""

    def __init__(self, path: tuple[str, ...], reason: str) -> None:
        super().__init__(f"{'.'.join(path)}: {reason}")
        self.path = path
        self.reason = reason


def arguments_schema(parameters: Mapping[str, Any] | None) -> str:
    """The schema as JSON text, narrowed to objects: arguments are always one.

    Raises `ParametersError` where `type` allows no object. Compiles nothing.
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
    """Raises `ParametersError` where this is no JSON Schema (draft 2020-12 unless `$schema` says
    otherwise) or reaches out of itself. Takes milliseconds for a schema that is new."""
    try:
        _validator(schema)
    except jsonschema_rs.ValidationError as error:
        raise ParametersError(tuple(map(str, error.instance_path)), error.message) from None
    except ValueError as error:
        raise ParametersError((), str(error).splitlines()[0]) from None


def why_invalid(schema: str, arguments: str) -> str | None:
    """What is wrong with a call's arguments, as a clause; None if they are an object of the schema."""
    try:
        instance = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "the arguments are not JSON"
    error = next(_validator(schema).iter_errors(instance), None)
    if error is None:
        return None
    return f"at '/{'/'.join(map(str, error.instance_path))}': {error.message}"


@lru_cache(maxsize=256)
def require_grammar(schema: str, *, is_strict: bool) -> None:
    """Raises `galop.grammar.errors.SchemaError` where arguments of this schema cannot be constrained.

    `is_strict`: also where no arguments could be found that satisfy it. Takes milliseconds for a
    schema that is new.
    """
    from galop.grammar.text import DocumentText  # loads llguidance: not at the start

    compiled = _compiled(schema)
    if is_strict:
        DocumentText(compiled).check()


@lru_cache(maxsize=256)
def _compiled(schema: str) -> CompiledSchema:
    from galop.grammar.compiled_schema import compile_schema  # likewise

    return compile_schema(schema)


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    return validator_of(msgspec.json.decode(schema))
