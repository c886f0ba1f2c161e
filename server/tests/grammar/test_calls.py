"""Calls, thoughts and free text: what is allowed where, and that calls are whole in any budget."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.engine.constraint import TokenConstraint
from galop.grammar.calls import calls_in
from galop.grammar.tokenizer import byte_vocabulary
from galop.grammar.vocabulary import Vocabulary
from galop.protocol.constraints import CallSyntax, ConstraintSpec, Thinking, ToolCalls, ToolSpec
from galop.protocol.errors import BudgetTooSmallError
from galop.testing import END, ScriptedTokenizer
from server.tests.grammar.adversary import KINDS, Adversary
from server.tests.grammar.byte_factory import factory

TAGGED = CallSyntax(
    begin='<call>{"name": "',
    before_arguments='", "arguments": ',
    end="}</call>",
    separator="\n",
    trigger="<call>",
)
LISTED = CallSyntax(
    before="CALLS[",
    begin='{"name": "',
    before_arguments='", "arguments": ',
    end="}",
    separator=", ",
    after="]",
    trigger="CALLS",
)
SCHEMAS: dict[str, Any] = {
    "weather": {
        "type": "object",
        "properties": {"city": {"type": "string", "minLength": 2}, "unit": {"enum": ["C", "F"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "draw": {
        "type": "object",
        "properties": {
            "numbers": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
        },
        "required": ["numbers"],
    },
}
TOOLS = tuple(
    ToolSpec(name=name, parameters=json.dumps(schema)) for name, schema in SCHEMAS.items()
)


def spec(
    syntax: CallSyntax = TAGGED, *, is_required: bool = True, max_calls: int = 3, **others: Any
) -> ConstraintSpec:
    calls = ToolCalls(tools=TOOLS, syntax=syntax, is_required=is_required, max_calls=max_calls)
    return ConstraintSpec(tool_calls=calls, **others)


def feed(constraint: TokenConstraint, text: str) -> int:
    """How many bytes of the text are allowed."""
    data = text.encode()
    return next((i for i, byte in enumerate(data) if not constraint.try_accept(byte)), len(data))


def may_end(constraint: TokenConstraint) -> bool:
    """Asked anew: a checker believes that a property stays what it was."""
    return constraint.can_end


ONE_CALL = '<call>{"name": "weather", "arguments": {"city": "Rome"}}</call>'


@pytest.mark.parametrize("is_required", [True, False])
def test_calls_may_follow_one_another_up_to_their_number(is_required: bool) -> None:
    """And the answer may end after each of them."""
    constraint = factory()(spec(is_required=is_required, max_calls=2), max_tokens=1000)
    assert feed(constraint, ONE_CALL) == len(ONE_CALL)
    assert constraint.can_end
    assert feed(constraint, "\n" + ONE_CALL) == 1 + len(ONE_CALL)
    assert constraint.is_complete


def test_a_required_call_is_all_there_may_be() -> None:
    """No text before it, no unknown name, no argument that the schema lacks."""
    for text, num_allowed in (
        ("Sure: ", 0),
        ('<call>{"name": "other"', len('<call>{"name": "')),
        (ONE_CALL.replace("Rome", "R"), ONE_CALL.index("Rome") + 1),
        (ONE_CALL.replace("city", "town"), ONE_CALL.index("city")),
    ):
        constraint = factory()(spec(), max_tokens=1000)
        assert feed(constraint, text) == num_allowed, text
        assert not constraint.can_end


def test_text_may_end_or_lead_to_a_call() -> None:
    """The trigger is where the call begins; from there it has to be one."""
    constraint = factory()(spec(is_required=False), max_tokens=1000)
    assert feed(constraint, "I look: <cal <call") == len("I look: <cal <call")
    assert may_end(constraint)
    assert feed(constraint, ">") == 1
    assert not may_end(constraint)
    assert not constraint.try_accept(ord("x"))
    assert feed(constraint, ONE_CALL.removeprefix("<call>")) > 0
    assert may_end(constraint)


def test_a_call_that_does_not_fit_any_more_cannot_begin() -> None:
    """The last byte of the trigger is refused, and nothing else."""
    constraint = factory()(spec(is_required=False), max_tokens=30)
    assert feed(constraint, ONE_CALL) == len("<call")
    mask = constraint.allowed_mask()
    assert not mask[ord(">")]
    assert mask[ord("x")]


@pytest.mark.parametrize("document", [{"json_object": True}, {"schema": '{"type": "boolean"}'}])
def test_a_document_may_stand_in_for_a_call(document: dict[str, Any]) -> None:
    """A response format beside functions takes the place of free text."""
    text = "{}" if "json_object" in document else "true"
    constraint = factory()(spec(is_required=False, **document), max_tokens=1000)
    assert feed(constraint, text) == len(text)
    assert constraint.can_end
    other = factory()(spec(is_required=False, **document), max_tokens=1000)
    assert feed(other, ONE_CALL) == len(ONE_CALL)
    assert not factory()(spec(is_required=False, **document), max_tokens=1000).try_accept(ord("x"))


def test_a_thought_ends_in_time_for_the_answer() -> None:
    """By itself, or because its share is used up; then comes what was asked for."""
    thinking = Thinking(end="</t>", max_tokens=8)
    constraint = factory()(ConstraintSpec(json_object=True, thinking=thinking), max_tokens=60)
    assert feed(constraint, "so </t>") == len("so </t>")
    assert not constraint.try_accept(ord("x"))
    assert feed(constraint, "{}") == 2
    assert constraint.is_complete
    endless = factory()(ConstraintSpec(json_object=True, thinking=thinking), max_tokens=60)
    assert feed(endless, "never to end") == 8
    assert bytes(endless.forced_tokens()) == b"</t>{"
    assert feed(endless, "}") == 1


def test_a_thought_leaves_room_even_in_a_small_budget() -> None:
    """And a budget without room for the end of it and an answer is refused."""
    thinking = Thinking(end="</t>", max_tokens=1000)
    wanted = ConstraintSpec(json_object=True, thinking=thinking)
    constraint = factory()(wanted, max_tokens=10)
    assert feed(constraint, "much too much to think") == 4
    assert bytes(constraint.forced_tokens()).startswith(b"</t>")
    with pytest.raises(BudgetTooSmallError) as caught:
        factory()(wanted, max_tokens=3)
    assert caught.value.num_tokens_needed == 6


@given(
    st.sampled_from([TAGGED, LISTED]),
    st.booleans(),
    st.sampled_from(KINDS),
    st.integers(60, 150) | st.integers(150, 1_500),
    st.integers(0, 2**32),
)
def test_whatever_a_sampler_wants_calls_are_whole_and_valid(
    syntax: CallSyntax, is_required: bool, kind: str, budget: int, seed: int
) -> None:
    """Within the budget; where a call is not required there may be text alone."""
    constraint = factory()(spec(syntax, is_required=is_required), max_tokens=budget)
    adversary = Adversary(Vocabulary(byte_vocabulary(ScriptedTokenizer())), seed)
    written = adversary.write(constraint, kind, budget, frozenset([END]))
    text = bytes(written).decode("utf-8", "replace")
    assert len(written) <= budget
    if not is_required and syntax.trigger not in text:
        return
    calls = list(calls_in(text[text.index(syntax.trigger) :], syntax))
    assert calls
    for call in calls:
        assert jsonschema_rs.is_valid(SCHEMAS[call.name], json.loads(call.arguments))
