"""What keywords say by themselves: types, counts, and drafts that differ."""

from __future__ import annotations

from typing import Any

import pytest

from galop.grammar.errors import SchemaError
from galop.grammar.schema import read_schema
from galop.grammar.schema.keywords import count_of, schemas_of, types_of_schema
from server.tests.grammar.schema.node_semantics import admits, is_valid


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({"type": "string"}, ["string"]),
        ({"type": ["integer", "null", "number"]}, ["null", "number"]),
        ({"minLength": 1}, ["string"]),
        ({"minLength": 1, "items": {}}, ["array", "string"]),
        ({"enum": [1]}, ["object", "array", "string", "number", "boolean", "null"]),
    ],
)
def test_a_schema_without_type_means_the_types_of_its_keywords(
    schema: Any, types: list[str]
) -> None:
    """Numbers include integers."""
    assert list(types_of_schema(schema, "")) == types


def test_an_unknown_type_is_refused_with_its_place() -> None:
    """Also where no meta-schema was asked."""
    with pytest.raises(SchemaError, match="strin") as caught:
        types_of_schema({"type": "strin"}, "/a")
    assert caught.value.pointer == "/a/type"


def test_a_count_is_a_number_of_at_least_0() -> None:
    """2.0 is the number 2."""
    assert count_of({"minItems": 2.0}, "minItems", "") == 2
    assert count_of({}, "minItems", "") is None
    for value in (-1, True, "2"):
        with pytest.raises(SchemaError) as caught:
            count_of({"minItems": value}, "minItems", "/a")
        assert caught.value.pointer == "/a/minItems"


@pytest.mark.parametrize("value", [[], {}, None])
def test_alternatives_need_a_schema(value: Any) -> None:
    """Nothing would satisfy none."""
    with pytest.raises(SchemaError) as caught:
        schemas_of(value, "/anyOf")
    assert caught.value.pointer == "/anyOf"


@pytest.mark.parametrize("draft", ["draft-04", "draft-06", "draft-07", "2019-09", "2020-12"])
@pytest.mark.parametrize("keyword", ["contentEncoding", "contentMediaType"])
def test_content_is_checked_in_the_drafts_that_assert_it(draft: str, keyword: str) -> None:
    """The validator says which: a document of an exact schema is not checked again."""
    host = (
        "http://json-schema.org" if draft.startswith("draft") else "https://json-schema.org/draft"
    )
    asked = {"contentEncoding": "base64", "contentMediaType": "application/json"}[keyword]
    schema = {"$schema": f"{host}/{draft}/schema", "type": "string", keyword: asked}
    assert read_schema(schema).is_exact is is_valid(schema, "!")


def test_nullable_means_nothing() -> None:
    """The validator does not know it, so null would be no valid document."""
    node, is_exact = read_schema({"type": "string", "nullable": True})
    assert not admits(node, None)
    assert is_exact
