"""jsonschema-rs, as it is used here: formats count, and nothing is fetched."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)
"""With looking ahead and behind, which ECMA 262 has, and with an end to it."""


def validator_of(schema: Any) -> Any:
    """A validator for one schema.

    Raises `jsonschema_rs.ValidationError` or ValueError if it is not a JSON Schema or refers to
    something outside of itself.
    """
    return jsonschema_rs.validator_for(
        schema, validate_formats=True, pattern_options=_PATTERNS, offline=True
    )
