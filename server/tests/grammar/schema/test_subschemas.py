"""Places of subschemas."""

from __future__ import annotations

from galop.grammar.schema.subschemas import Place


def test_a_place_under_another_is_one_schema_deeper() -> None:
    """However many keys lead there."""
    assert Place("/a", 3).under("properties", "b") == Place("/a/properties/b", 4)


def test_keys_of_a_place_are_escaped() -> None:
    """RFC 6901."""
    assert Place("", 0).under("properties", "a/b~c").pointer == "/properties/a~1b~0c"


def test_a_place_beside_has_the_same_depth() -> None:
    """For the index of a list of schemas."""
    assert Place("/prefixItems", 4).beside("0") == Place("/prefixItems/0", 4)
