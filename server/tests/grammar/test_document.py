"""Documents within a budget: whatever a sampler wants, and however much is left, they end valid."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance.numpy import allocate_token_bitmask

from galop.grammar.compiled_schema import compile_schema
from galop.grammar.document import DocumentConstraint, DocumentPlan
from galop.grammar.matcher import GrammarConstraint, compiled
from galop.grammar.tokenizer import byte_vocabulary
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import BudgetTooSmallError, ConstraintFailedError
from galop.testing import END, ScriptedTokenizer
from server.tests.grammar.adversary import BUDGETS, KINDS, Adversary
from server.tests.grammar.byte_factory import factory, vocabulary


def field(schema: Any) -> dict[str, Any]:
    """An object that has to have this."""
    return {
        "type": "object",
        "properties": {"r": schema},
        "required": ["r"],
        "additionalProperties": False,
    }


def text(**keywords: Any) -> dict[str, Any]:
    return field({"type": "string", **keywords})


CHECKED: dict[str, dict[str, Any]] = {
    "idn-email": text(format="idn-email"),
    "iri": text(format="iri"),
    "regex": text(format="regex"),
    "json-pointer": text(format="json-pointer"),
    "uri-reference": text(format="uri-reference"),
    "hostname": text(format="hostname"),
    "decimal": text(pattern=r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"),
    "word": text(pattern=r"\bcat\b"),
    "zod optional": field({"anyOf": [{"not": {}}, {"type": "string", "format": "regex"}]}),
    "not": text(**{"not": {"enum": ["the", "a"]}}),
    "unique": field({"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
    "one of": {
        "oneOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]},
        ]
    },
    "one of two numbers": {"oneOf": [{"type": "integer"}, {"minimum": 2}]},
    "open beside a format": {
        "type": "object",
        "properties": {"t": {"type": "string", "format": "date-time"}},
        "additionalProperties": {"type": "string"},
    },
    "pattern properties beside open": {
        "type": "object",
        "patternProperties": {"^[a-z]+$": field({"type": "integer"})},
    },
    "names of an enum": {
        "type": "object",
        "propertyNames": {"enum": ["p", "q"]},
        "additionalProperties": {"type": "integer"},
    },
    "if then": {
        "type": "object",
        "properties": {
            "kind": {"enum": ["x", "y"]},
            "x": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "y": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "x"}}},
        "then": {"required": ["x"]},
        "else": {"required": ["y"]},
    },
    "multiples": {
        "type": "integer",
        "minimum": 1,
        "allOf": [
            {"anyOf": [{"multipleOf": 5}, {"multipleOf": 7}]},
            {"anyOf": [{"not": {"multipleOf": 5}}, {"multipleOf": 9}]},
            {"anyOf": [{"not": {"multipleOf": 7}}, {"multipleOf": 11}]},
        ],
    },
}
"""What the rules leave to the check: llguidance lets through more than is valid."""
SEARCHED: dict[str, dict[str, Any]] = {
    "words": text(pattern=r"^(?:\S+\s+){0,29}\S+$", maxLength=500),
    "number at the root": {"type": "number", "minimum": 1.5},
    "uuid": text(format="uuid"),
    "any text": text(pattern=r"^[\s\S]+$"),
}
"""Whose ends only a compiled lexeme knows."""
ALL = {**CHECKED, **SEARCHED}


def constraint(schema: Any, max_tokens: int) -> DocumentConstraint:
    state = factory()(ConstraintSpec(schema=json.dumps(schema)), max_tokens=max_tokens)
    assert isinstance(state, DocumentConstraint)
    return state


def is_valid(schema: Any, document: bytes) -> bool:
    validator = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    return validator.is_valid(json.loads(document.decode()))


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=14, deadline=None)
@given(st.sampled_from(BUDGETS), st.sampled_from(KINDS), st.integers(0, 2**32))
def test_no_sampler_leads_to_where_nothing_valid_is_left(
    name: str, budget: int, kind: str, seed: int
) -> None:
    """With little in hand, with much, and with all that a context window holds."""
    schema = ALL[name]
    try:
        state = constraint(schema, budget)
    except BudgetTooSmallError:
        return
    token_ids = Adversary(vocabulary(), seed).document(state, kind, budget, frozenset([END]))
    assert len(token_ids) <= budget
    assert is_valid(schema, bytes(token_ids))


def feed(state: DocumentConstraint, document: bytes) -> int:
    """How many bytes are allowed."""
    taken = (index for index, byte in enumerate(document) if not state.try_accept(byte))
    return next(taken, len(document))


@pytest.mark.parametrize(
    ("name", "beginning", "refused", "rest"),
    [
        ("unique", b'{"r": ["a", "a', b'"', b'b"]}'),
        ("one of", b'{"a": "x", "b": ', b'"', b"1}"),
        ("decimal", b'{"r": "1.5', b".x", b'0"}'),
        ("idn-email", b'{"r": "b@b.c', b" @", b'o"}'),
        ("if then", b'{"kind": "y"', b"}", b', "y": null}'),
        ("open beside a format", b'{"a": "x", "a', b'"', b'b": "y"}'),
        ("number at the root", b"2" * 64, b"0123", b""),
    ],
)
def test_what_a_rule_refuses_is_not_the_budgets_doing(
    name: str, beginning: bytes, refused: bytes, rest: bytes
) -> None:
    """The document goes on, and its end is the model's own."""
    state = constraint(ALL[name], 1000)
    assert feed(state, beginning) == len(beginning)
    assert not any(map(state.try_accept, refused))
    assert state.can_end or state.allowed_mask().any()
    assert feed(state, rest) == len(rest)
    assert state.can_end
    assert not state.closed_by_budget


@pytest.mark.parametrize(
    ("name", "beginning", "budget"),
    [("unique", b'{"r": ["', 12), ("one of", b'{"a": "xxx', 12), ("idn-email", b'{"r":"', 14)],
)
def test_what_does_not_fit_is_the_budgets_doing(name: str, beginning: bytes, budget: int) -> None:
    """A token that would be right with more in hand is refused, and the document says so."""
    assert feed(constraint(CHECKED[name], 1000), beginning + b"aa") == len(beginning) + 2
    state = constraint(CHECKED[name], budget)
    assert feed(state, beginning + b"aa") < len(beginning) + 2
    assert state.closed_by_budget


def test_the_mask_has_no_end_where_the_document_may_not_end() -> None:
    """The rules alone would end the number here; the check does not."""
    state = constraint(CHECKED["multiples"], 100)
    assert feed(state, b"35") == 2
    assert not state.can_end
    assert not state.allowed_mask()[END]


class FailingGrammar(GrammarConstraint):
    """Fails for good after some tokens, as llguidance does when it runs out of fuel."""

    num_tokens = 9

    def try_accept(self, token_id: int) -> bool:
        """See `GrammarConstraint.try_accept`."""
        self.num_tokens -= 1
        self._fail()
        return super().try_accept(token_id)

    def allowed_mask(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """See `GrammarConstraint.allowed_mask`."""
        self._fail()
        return super().allowed_mask()

    def _fail(self) -> None:
        if self.num_tokens < 0:
            raise ConstraintFailedError("out of fuel")


@pytest.mark.parametrize("name", ["decimal", "words"])
def test_a_document_is_ended_without_the_grammar_when_it_fails(name: str) -> None:
    """The ending that is held is all that may still come."""
    shape = compile_schema(json.dumps(ALL[name]))
    tokenizer = byte_vocabulary(ScriptedTokenizer())
    bitmask = allocate_token_bitmask(1, vocabulary().size)
    grammar = FailingGrammar(compiled(tokenizer, shape.lark), vocabulary().size, bitmask)
    state = DocumentConstraint(grammar, DocumentPlan(shape, vocabulary()), 1000)
    document = bytes(Adversary(vocabulary(), 0).document(state, "digits", 1000, frozenset([END])))
    assert len(document) < 20
    assert state.is_complete
    assert not state.closed_by_budget
    assert is_valid(ALL[name], document)
