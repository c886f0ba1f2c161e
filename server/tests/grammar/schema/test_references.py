"""What a reference names inside one document."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.errors import SchemaError
from galop.grammar.schema.references import References, escape
from server.tests.grammar.schema.node_semantics import is_valid
from server.tests.grammar.schema.strategies import SCALARS

DOCUMENT: dict[str, Any] = {
    "$id": "https://example.com/root",
    "$defs": {
        "plain": {"type": "string"},
        "a/b~c": {"type": "integer"},
        "per%cent": {"type": "null"},
        "named": {"$anchor": "here", "type": "boolean"},
        "inner": {"$id": "https://example.com/inner", "type": "number"},
        "choice": {"anyOf": [{"const": 1}, {"const": "a"}]},
    },
}


@pytest.mark.parametrize(
    ("reference", "pointer"),
    [
        ("#", ""),
        ("#/$defs/plain", "/$defs/plain"),
        ("#/$defs/a~1b~0c", "/$defs/a~1b~0c"),
        ("#/$defs/per%25cent", "/$defs/per%cent"),
        ("#here", "/$defs/named"),
        ("#/$defs/choice/anyOf/1", "/$defs/choice/anyOf/1"),
        ("https://example.com/root#/$defs/plain", "/$defs/plain"),
        ("https://example.com/inner", "/$defs/inner"),
    ],
)
def test_a_reference_names_the_schema_that_the_validator_finds(
    reference: str, pointer: str
) -> None:
    """The values that satisfy both are the same."""
    found, found_pointer = References(DOCUMENT).resolve(reference, "/$ref")
    assert found_pointer == pointer
    for value in SCALARS:
        assert is_valid(found, value) == is_valid({**DOCUMENT, "$ref": reference}, value)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("#/$defs/absent", "which the schema lacks"),
        ("#absent", "which the schema lacks"),
        ("#/$defs/choice/anyOf/2", "which the schema lacks"),
        ("#/$defs/plain/type", "which is not a schema"),
        ("https://example.com/other", "nothing outside the schema is read"),
        (7, "must be a string"),
    ],
)
def test_a_reference_to_nothing_is_refused_where_it_stands(reference: Any, reason: str) -> None:
    """With the pointer of the reference itself."""
    with pytest.raises(SchemaError, match=reason) as caught:
        References(DOCUMENT).resolve(reference, "/properties/a/$ref")
    assert caught.value.pointer == "/properties/a/$ref"


@given(st.text(st.characters(codec="utf-8"), max_size=8))
def test_an_escaped_key_is_found_again(key: str) -> None:
    """RFC 6901: `~` is `~0` and `/` is `~1`; in a URI reference it is also percent-encoded."""
    document = {"$defs": {key: {"title": "it"}, "other": {}}}
    found, _ = References(document).resolve(f"#/$defs/{quote(escape(key))}", "")
    assert found == {"title": "it"}


@pytest.mark.parametrize("keyword", ["enum", "const"])
def test_values_name_no_anchors(keyword: str) -> None:
    """An object that is a value is no schema, wherever it stands."""
    value = {"$anchor": "q", "type": "null"}
    listed = [value] if keyword == "enum" else value
    for names in (("s", "e"), ("e", "s")):
        schemas = {"e": {keyword: listed}, "s": {"$anchor": "q", "type": "string"}}
        document = {"$defs": {name: schemas[name] for name in names}}
        assert References(document).resolve("#q", "")[1] == "/$defs/s"


def test_properties_may_have_the_names_of_keywords() -> None:
    """What is called `const` there is a schema."""
    document = {"properties": {"const": {"$anchor": "q"}, "properties": {"$anchor": "r"}}}
    assert References(document).resolve("#q", "")[1] == "/properties/const"
    assert References(document).resolve("#r", "")[1] == "/properties/properties"
