"""Documents as text, without a model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from galop.grammar.compiled_schema import compile_schema
from galop.grammar.errors import SchemaError
from galop.grammar.text import DocumentText
from galop.grammar.validation import validator_of
from server.tests.grammar.walks import choices, schemas, walk


def document_text(schema: Any) -> DocumentText:
    return DocumentText(compile_schema(json.dumps(schema)))


@settings(max_examples=40)
@given(schemas, choices)
def test_a_beginning_has_an_ending_that_makes_it_valid(schema: Any, picks: bytes) -> None:
    """Wherever it is cut between two characters, but where only the check knows that it is no beginning."""
    beginning = walk(schema, picks).text.decode("utf-8", "ignore")
    compiled = compile_schema(json.dumps(schema))
    ending = DocumentText(compiled).ending(beginning)
    assert ending is not None or not compiled.is_exact
    if ending is not None:
        assert validator_of(schema).is_valid(json.loads(beginning + ending))


def test_a_text_that_is_no_beginning_has_no_ending() -> None:
    """The grammar refuses it."""
    assert document_text({"type": "integer"}).ending('{"a"') is None


def test_a_schema_that_no_document_satisfies_is_refused() -> None:
    """Also where only the search for a document tells."""
    document_text({"type": "string"}).check()
    with pytest.raises(SchemaError, match="no document was found"):
        document_text({"type": "string", "not": {"type": "string"}}).check()
