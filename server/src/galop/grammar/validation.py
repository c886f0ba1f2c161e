"""jsonschema-rs with the options of this project: formats are checked, and nothing is fetched."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

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
