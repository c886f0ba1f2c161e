"""What can be wrong with a schema."""

from __future__ import annotations

from galop.grammar.errors import SchemaError


def test_a_refusal_says_where_and_why() -> None:
    """The root is a slash for readers, and an empty pointer for programs."""
    assert (
        str(SchemaError("/properties/a", "must be a schema")) == "/properties/a: must be a schema"
    )
    assert str(SchemaError("", "is not JSON")) == "/: is not JSON"
    assert (SchemaError("", "is not JSON").pointer, SchemaError("", "x").reason) == ("", "x")
