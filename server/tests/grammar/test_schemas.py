"""JSON Schemas: what is allowed, what is refused, and that every document is valid and in budget."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galop.grammar.compiled_schema import MAX_SCHEMA_BYTES, compile_schema
from galop.grammar.document import DocumentConstraint
from galop.grammar.errors import SchemaError
from galop.grammar.text import DocumentText
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import BudgetTooSmallError, ConstraintFailedError
from galop.testing import END
from server.tests.grammar.adversary import (
    BUDGETS,
    KINDS,
    SCHEMAS,
    Adversary,
    SchemaCase,
    public_schemas,
)
from server.tests.grammar.byte_factory import factory, vocabulary
from server.tests.grammar.keyword_examples import EXAMPLES, KeywordExample

ENOUGH = 100_000
STYLES: tuple[dict[str, Any], ...] = ({}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 4})
needs_schemas = pytest.mark.skipif(
    not SCHEMAS.exists(), reason="the public schemas are not beside the project"
)


def constraint(schema: Any, max_tokens: int = ENOUGH) -> DocumentConstraint:
    state = factory()(ConstraintSpec(schema=json.dumps(schema)), max_tokens=max_tokens)
    assert isinstance(state, DocumentConstraint)
    return state


EXTRA_TOKENS = st.integers(0, 60) | st.sampled_from(BUDGETS)
"""Beyond the smallest document."""


def accepts(schema: Any, document: str) -> bool:
    """True if every byte is allowed and the document may end there."""
    state = constraint(schema)
    return all(state.try_accept(byte) for byte in document.encode()) and state.can_end


def is_valid(schema: Any, document: str) -> bool:
    validator = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    return validator.is_valid(json.loads(document))


def texts(value: Any) -> Iterator[str]:
    for style in STYLES:
        yield json.dumps(value, ensure_ascii=False, **style)


SERVED = [example for example in EXAMPLES if example.valid is not None]
REFUSED = [example for example in EXAMPLES if example.valid is None]


@pytest.mark.parametrize("example", SERVED, ids=lambda example: example.keyword)
def test_a_keyword_lets_through_what_is_valid_and_nothing_else(example: KeywordExample) -> None:
    """In every style of whitespace."""
    assert example.valid
    for value in example.valid:
        assert all(accepts(example.schema, text) for text in texts(value)), value
    for value in example.invalid:
        assert not any(accepts(example.schema, text) for text in texts(value)), value


@pytest.mark.parametrize("example", REFUSED, ids=lambda example: example.keyword)
def test_what_cannot_be_kept_is_refused_with_its_place(example: KeywordExample) -> None:
    """Before anything is generated, and never ignored."""
    with pytest.raises(SchemaError):
        compile_schema(json.dumps(example.schema))


@pytest.mark.parametrize("example", SERVED, ids=lambda example: example.keyword)
def test_the_smallest_document_of_a_keyword_is_valid(example: KeywordExample) -> None:
    """And nothing smaller is accepted as a budget."""
    ending = DocumentText(compile_schema(json.dumps(example.schema))).ending("")
    assert ending is not None
    assert is_valid(example.schema, ending)
    with pytest.raises(BudgetTooSmallError) as caught:
        constraint(example.schema, 0)
    written = Adversary(vocabulary(), 0).write(
        constraint(example.schema, caught.value.num_tokens_needed),
        "random",
        caught.value.num_tokens_needed,
        frozenset([END]),
    )
    assert is_valid(example.schema, bytes(written).decode())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SERVED), st.sampled_from(KINDS), EXTRA_TOKENS, st.integers(0, 2**32))
def test_whatever_a_sampler_wants_the_document_is_valid_and_in_budget(
    example: KeywordExample, kind: str, extra: int, seed: int
) -> None:
    """From the smallest budget on."""
    with pytest.raises(BudgetTooSmallError) as caught:
        constraint(example.schema, 0)
    budget = caught.value.num_tokens_needed + extra
    state = constraint(example.schema, budget)
    written = Adversary(vocabulary(), seed).document(state, kind, budget, frozenset([END]))
    assert len(written) <= budget
    assert is_valid(example.schema, bytes(written).decode())


def test_a_name_that_is_too_long_for_the_budget_leaves_one_that_fits() -> None:
    """Where many names are possible the shortest way on is found, wherever it is declared."""
    schema = {
        "properties": {name: {"type": "number"} for name in "abcdefghiz"},
        "required": ["z"],
        "additionalProperties": False,
    }
    beginning, rest = b'{\n  "', b'z": 0\n}'
    state = constraint(schema, len(beginning + rest))
    assert all(map(state.try_accept, beginning))
    for refused in b"abcd":
        assert not state.try_accept(refused)
        assert state.allowed_mask().any()
    assert bytes(state.forced_tokens()) == rest


@needs_schemas
def test_public_schemas_are_served_and_let_no_invalid_instance_through() -> None:
    """A twentieth of them here; `python -m bench.schemas` takes all."""
    cases = public_schemas()[::20]
    num_served = 0
    for case in cases:
        try:
            state = constraint(case.schema)
        except ConstraintFailedError:
            continue
        num_served += 1
        assert not state.is_complete
        for test in case.tests:
            if not test["valid"]:
                assert not accepts(case.schema, json.dumps(test["data"], ensure_ascii=False))
    assert num_served >= 0.95 * len(cases)


@needs_schemas
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_documents_of_public_schemas_are_valid(data: st.DataObject) -> None:
    """The same property as above, over schemas that people wrote."""
    case: SchemaCase = data.draw(st.sampled_from(public_schemas_once()))
    try:
        constraint(case.schema, 0)
    except BudgetTooSmallError as error:
        budget = error.num_tokens_needed + data.draw(EXTRA_TOKENS)
    except ConstraintFailedError:
        return
    kind, seed = data.draw(st.sampled_from(KINDS)), data.draw(st.integers(0, 2**32))
    state = constraint(case.schema, budget)
    written = Adversary(vocabulary(), seed).document(state, kind, budget, frozenset([END]))
    assert len(written) <= budget
    assert is_valid(case.schema, bytes(written).decode())


@cache
def public_schemas_once() -> list[SchemaCase]:
    return public_schemas()


@pytest.mark.parametrize(
    ("schema", "pointer", "reason"),
    [
        ({"properties": {"a": {"type": "strin"}}}, "/properties/a/type", "is not a JSON Schema"),
        ({"$ref": "#/$defs/x"}, "", "not a JSON Schema"),
        (
            {"$dynamicAnchor": "n", "properties": {"a": {"$dynamicRef": "#n"}}},
            "/properties/a/$dynamicRef",
            "is not supported",
        ),
        ({"properties": {f"n{i}": {} for i in range(4_000)}}, "", "too many properties"),
        (
            {"type": "object", "properties": {"a/b": False}, "required": ["a/b"]},
            "/properties/a~1b",
            "is satisfied by no finite document",
        ),
    ],
)
def test_a_refusal_points_at_the_schema_to_blame(schema: Any, pointer: str, reason: str) -> None:
    """RFC 6901."""
    with pytest.raises(SchemaError) as caught:
        compile_schema(json.dumps(schema))
    assert caught.value.pointer.startswith(pointer)
    assert reason in caught.value.reason


def test_a_long_enum_is_served() -> None:
    """4,000 strings, 100 kB of them."""
    values = [f"number {number} of a long list" for number in range(4_000)]
    schema = {"type": "object", "properties": {"a": {"enum": values}}, "required": ["a"]}
    assert accepts(schema, json.dumps({"a": values[3_456]}))
    assert not accepts(schema, json.dumps({"a": "number 4000 of a long list"}))


def nested(depth: int) -> Any:
    schema: Any = {"type": "integer"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


HOSTILE = {
    "large": {"enum": ["x" * MAX_SCHEMA_BYTES]},
    "deep": nested(150),
    "doubling": {
        "$ref": "#/$defs/d40",
        "$defs": {
            "d0": {"type": "integer"},
            **{
                f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n - 1}"}, {"$ref": f"#/$defs/d{n - 1}"}]}
                for n in range(1, 41)
            },
        },
    },
    "combinations": {
        "allOf": [{"anyOf": [{"required": [f"a{i}{j}"]} for j in range(10)]} for i in range(20)]
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_costs_little(name: str) -> None:
    """Served or refused, but not with seconds of work (a generous bound: machines are shared)."""
    started_s = time.process_time()
    try:
        compiled = compile_schema(json.dumps(HOSTILE[name]))
        DocumentText(compiled).check()
    except SchemaError:
        pass
    assert time.process_time() - started_s < 5


CODE = {
    "type": "object",
    "properties": {"a": {"type": "string", "pattern": "^ab-[0-9]{3}$"}},
    "required": ["a", "b"],
}


@pytest.mark.parametrize(
    ("beginning", "schema"),
    [
        ('{"a": "on', {"type": "object", "properties": {"a": {"type": "string"}}}),
        ('{"a":"ab-', CODE),
        ("[1,", {"type": "array", "items": {"type": "integer"}, "minItems": 3}),
        ('{\n  "a": {\n    "b": [', {"type": "object", "additionalProperties": True}),
        ("-", {"type": "number", "maximum": -3}),
    ],
)
def test_a_beginning_is_ended_so_that_the_document_is_valid(beginning: str, schema: Any) -> None:
    """Wherever a stop sequence cuts."""
    ending = DocumentText(compile_schema(json.dumps(schema))).ending(beginning)
    assert ending is not None
    assert is_valid(schema, beginning + ending)


def test_a_schema_is_not_strict_where_no_document_is_found() -> None:
    """Strict: refused. Lenient: the model may try, and its answer is checked at the end."""
    schema = json.dumps({"type": "string", "not": {"type": "string"}})
    with pytest.raises(ConstraintFailedError):
        factory()(ConstraintSpec(schema=schema, is_strict=True), max_tokens=10)
    lenient = factory()(ConstraintSpec(schema=schema, is_strict=False), max_tokens=10)
    assert lenient.try_accept(ord('"'))


@pytest.mark.parametrize(
    "number", ["9" * 65, "0." + "1" * 80, "1" * 5000], ids=["long", "precise", "endless"]
)
def test_numbers_are_no_longer_than_parsers_take(number: str) -> None:
    """Python's json refuses integers of more than 4,300 digits."""
    assert not accepts({"type": "number", "minimum": 0}, number)
    assert not accepts({"type": "number"}, number)


def test_names_of_extra_members_are_unique() -> None:
    """A name that the object has cannot be finished again."""
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    assert accepts(schema, '{"a": 1, "ab": 2}')
    assert not accepts(schema, '{"a": 1, "a": 2}')
