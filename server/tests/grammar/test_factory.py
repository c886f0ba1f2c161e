"""Constraints by their specs: which kind, from which budget on, compiled once."""

from __future__ import annotations

import json

import pytest

from galop.grammar.document import DocumentConstraint
from galop.grammar.factory import GrammarFactory
from galop.grammar.tokenizer import byte_vocabulary
from galop.grammar.triggered import FreeText, TriggeredConstraint
from galop.protocol.constraints import CallSyntax, ConstraintSpec, Thinking, ToolCalls, ToolSpec
from galop.protocol.errors import BudgetTooSmallError, ConstraintFailedError
from galop.testing import ScriptedTokenizer

FACTORY = GrammarFactory(byte_vocabulary(ScriptedTokenizer()))
SYNTAX = CallSyntax(
    begin='<call>{"name": "',
    before_arguments='", "arguments": ',
    end="}</call>",
    separator="\n",
    trigger="<call>",
)


def calls(*, is_required: bool) -> ToolCalls:
    tool = ToolSpec(name="now", parameters='{"type": "object", "additionalProperties": false}')
    return ToolCalls(tools=(tool,), syntax=SYNTAX, is_required=is_required, max_calls=1)


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (ConstraintSpec(), FreeText),
        (ConstraintSpec(json_object=True), DocumentConstraint),
        (ConstraintSpec(schema="true"), DocumentConstraint),
        (ConstraintSpec(tool_calls=calls(is_required=True)), DocumentConstraint),
        (ConstraintSpec(tool_calls=calls(is_required=False)), TriggeredConstraint),
        (
            ConstraintSpec(json_object=True, tool_calls=calls(is_required=False)),
            DocumentConstraint,
        ),
        (
            ConstraintSpec(json_object=True, thinking=Thinking(end="</t>", max_tokens=100)),
            TriggeredConstraint,
        ),
    ],
)
def test_every_spec_has_its_constraint(spec: ConstraintSpec, kind: type) -> None:
    """JSON mode, schemas and calls have one and the same."""
    FACTORY.prepare(spec)
    assert type(FACTORY(spec, max_tokens=1_000)) is kind


@pytest.mark.parametrize(
    ("spec", "num_tokens"),
    [
        (ConstraintSpec(json_object=True), len("{}")),
        (
            ConstraintSpec(json_object=True, thinking=Thinking(end="</t>", max_tokens=100)),
            len("</t>{}"),
        ),
        (ConstraintSpec(schema='{"const": "x"}'), len('"x"')),
    ],
)
def test_a_budget_below_the_smallest_answer_is_refused(
    spec: ConstraintSpec, num_tokens: int
) -> None:
    """And told how many tokens would do."""
    with pytest.raises(BudgetTooSmallError) as caught:
        FACTORY(spec, max_tokens=num_tokens - 1)
    assert caught.value.num_tokens_needed == num_tokens
    FACTORY(spec, max_tokens=num_tokens)


def test_constraints_of_one_spec_do_not_share_their_state() -> None:
    """The grammar is compiled once, and copied."""
    spec = ConstraintSpec(json_object=True)
    one, other = FACTORY(spec, max_tokens=100), FACTORY(spec, max_tokens=100)
    assert one.try_accept(ord("{"))
    assert not one.try_accept(ord("{"))
    assert other.try_accept(ord("{"))


def test_a_schema_that_cannot_be_kept_fails_when_it_is_prepared() -> None:
    """With the pointer to blame."""
    spec = ConstraintSpec(schema=json.dumps({"properties": {"a": {"type": "strin"}}}))
    with pytest.raises(ConstraintFailedError) as caught:
        FACTORY.prepare(spec)
    assert "/properties/a/type" in caught.value.reason
