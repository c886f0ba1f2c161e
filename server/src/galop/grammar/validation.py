"""jsonschema-rs with the options of this project: formats are checked, and nothing is fetched."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import jsonschema_rs

SCHEMA_CACHE_SIZE = 512
"""Schemas that a process keeps compiled; the least recently used one is dropped. A request has up to
128 tools."""
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)
"""An engine that can look ahead and behind, as ECMA 262 can, in a bounded number of steps."""


def validator_of(schema: Any) -> Any:
    """A validator for one schema.

    Raises `jsonschema_rs.ValidationError` or ValueError if it is not a JSON Schema or refers to
    something outside of itself.
    """
    return jsonschema_rs.validator_for(
        schema, validate_formats=True, pattern_options=_PATTERNS, offline=True
    )


@lru_cache(maxsize=SCHEMA_CACHE_SIZE)
def schema_validator(text: str) -> Any:
    """`validator_of` a schema given as JSON text, compiled once per process.

    Also raises ValueError and RecursionError if the text is not JSON.
    """
    return validator_of(json.loads(text))
