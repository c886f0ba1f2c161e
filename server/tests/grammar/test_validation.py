"""jsonschema-rs as the project uses it."""

from __future__ import annotations

import jsonschema_rs
import pytest

from galop.grammar.validation import validator_of


def test_formats_count() -> None:
    """The specification leaves it open."""
    validator = validator_of({"type": "string", "format": "date"})
    assert validator.is_valid("2000-02-29")
    assert not validator.is_valid("2001-02-29")


def test_patterns_may_look_ahead() -> None:
    """ECMA 262 has it."""
    validator = validator_of({"pattern": "^(?=.*x)a"})
    assert validator.is_valid("abx")
    assert not validator.is_valid("ab")


def test_a_hostile_pattern_ends() -> None:
    """With an error or a refusal, after a bounded number of steps."""
    validator = validator_of({"pattern": r"^(?=a)(a|aa|a?)+\1$"})
    with pytest.raises(ValueError, match="backtrack|limit"):
        validator.validate("a" * 60 + "!")


def test_nothing_is_fetched() -> None:
    """A reference to another document is an error."""
    with pytest.raises(ValueError, match="example.com"):
        validator_of({"$ref": "https://example.com/schema.json"})


def test_what_is_no_schema_is_refused() -> None:
    """With its place."""
    with pytest.raises(jsonschema_rs.ValidationError) as caught:
        validator_of({"properties": {"a": {"type": "strin"}}})
    assert caught.value.instance_path == ["properties", "a", "type"]
