"""Strings and numbers as llguidance compiles them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.lexemes import (
    FORMATS,
    is_exact_format,
    is_known_lexeme,
    lexeme_of,
    lexeme_of_lark,
    samples_of,
)
from galop.grammar.validation import validator_of

SCHEMAS: list[dict[str, Any]] = [
    {"type": "string", "pattern": "^[a-z]{2,4}-[0-9]+$"},
    {"type": "string", "pattern": "needle"},
    {"type": "string", "minLength": 3, "pattern": "^a+$"},
    {"type": "integer", "minimum": 17},
    {"type": "integer", "minimum": -5, "maximum": -3},
    {"type": "number", "exclusiveMinimum": 2, "maximum": 3},
    {"type": "integer", "multipleOf": 7},
    *(
        {"type": "string", "format": name}
        for name in ("date", "time", "uuid", "ipv4", "email", "uri")
    ),
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_the_shortest_text_is_valid(schema: dict[str, Any]) -> None:
    """And so are the samples that the lexeme keeps."""
    lexeme = lexeme_of(schema, ())
    assert lexeme.shortest is not None
    for text in (lexeme.shortest, *lexeme.samples):
        assert validator_of(schema).is_valid(json.loads(text))


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
@given(data=st.data())
def test_every_beginning_of_a_text_has_an_ending(
    schema: dict[str, Any], data: st.DataObject
) -> None:
    """Which makes a valid text of it."""
    lexeme = lexeme_of(schema, ())
    text = data.draw(st.sampled_from(lexeme.samples or (lexeme.shortest,)))
    assert text is not None
    beginning = text[: data.draw(st.integers(0, len(text)))]
    ending = lexeme.ending(beginning)
    assert ending is not None
    assert validator_of(schema).is_valid(json.loads(beginning + ending))
    if beginning == text:
        assert ending == b""


def test_what_is_no_beginning_has_no_ending() -> None:
    """The lexeme does not allow it."""
    lexeme = lexeme_of_lark("/ab+/", ())
    assert lexeme.ending(b"x") is None
    assert lexeme.ending(b"a") == b"b"
    assert lexeme.shortest == b"ab"


def test_only_whole_texts_are_kept_as_samples() -> None:
    """In their order."""
    lexeme = lexeme_of_lark("/ab+/", (b"abb", b"a", b"", b"ab", b"abx"))
    assert lexeme.samples == (b"abb", b"ab")
    assert lexeme.shortest == b"ab"


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_sample_of_every_format_is_valid(name: str) -> None:
    """So that documents can be ended where llguidance does not know the format."""
    schema = {"type": "string", "format": name}
    values = map(json.loads, samples_of(schema))
    assert any(validator_of(schema).is_valid(value) for value in values)


@pytest.mark.parametrize("name", sorted(filter(is_exact_format, FORMATS)))
def test_an_exact_format_lets_through_what_is_valid(name: str) -> None:
    """And no text that nearly is."""
    schema = {"type": "string", "format": name}
    lexeme = lexeme_of(schema, ())
    assert lexeme.shortest is not None
    value = json.loads(lexeme.shortest)
    for index in range(len(value)):
        for changed in (
            value[:index] + value[index + 1 :],
            value[:index] + "7" + value[index + 1 :],
        ):
            text = json.dumps(changed).encode()
            is_let_through = bool(lexeme_of_lark(lexeme.lark, (text,)).samples)
            assert is_let_through == validator_of(schema).is_valid(changed), changed


def test_the_values_that_a_schema_names_are_samples() -> None:
    """Each once, as JSON."""
    schema = {"type": "integer", "default": 12, "examples": [13, "x", 12], "minimum": 11}
    samples = samples_of(schema)
    assert samples[:2] == (b"12", b"13")
    assert {b"11", b"12"} <= set(samples)
    assert len(set(samples)) == len(samples)


def test_what_llguidance_cannot_compile_is_known() -> None:
    """Looking ahead, for one."""
    assert is_known_lexeme({"type": "string", "pattern": "^a"})
    assert not is_known_lexeme({"type": "string", "pattern": "(?=a)b"})
