"""From the IR of a schema to the rules of its documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galop.grammar.costs import Costs
from galop.grammar.lark import to_lark
from galop.grammar.lowering import MAX_ITEMS, lower
from galop.grammar.matcher import compiled
from galop.grammar.parser_state import ParserState
from galop.grammar.rules import reachable
from galop.grammar.schema_ir import (
    ANYTHING,
    Array,
    ExtraMembers,
    Member,
    Node,
    Number,
    Object,
    String,
    Texts,
    Union,
)
from server.tests.grammar.walks import tokenizer

STYLES: list[dict[str, Any]] = [{}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 4}]
INTEGER = Number(is_integer=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text('aé"\\\n', max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=8,
)


def accepts(node: Node, text: str) -> bool:
    """True if llguidance and the automaton take the text as a whole document."""
    rules = reachable(lower(node).start)
    matcher = compiled(tokenizer(), to_lark(rules))
    assert not matcher.is_error(), matcher.get_error()
    data = text.encode()
    is_allowed = matcher.try_consume_tokens(list(data)) == len(data) and matcher.is_accepting()
    return is_allowed and ParserState.start(Costs(rules, len)).advance(data).cost == 0


@settings(max_examples=60)
@given(values, st.sampled_from(STYLES))
def test_anything_is_written_in_every_style(value: Any, style: dict[str, Any]) -> None:
    """As `json.dumps` writes it."""
    assert accepts(ANYTHING, json.dumps(value, ensure_ascii=False, **style))


@pytest.mark.parametrize(
    "text", ['{"a" :1}', "[1 ,2]", '{"a":1, "b":2}', "[\n1]", " 1", "1 ", "[1,\n 2]"]
)
def test_no_other_whitespace_is_allowed(text: str) -> None:
    """A model could write it without end."""
    assert not accepts(ANYTHING, text)


@pytest.mark.parametrize(
    ("names", "is_allowed"),
    [
        ("abc", True),
        ("b", True),
        ("ab", True),
        ("bc", True),
        ("ac", False),
        ("ba", False),
        ("", False),
    ],
)
def test_members_come_in_their_order(names: str, is_allowed: bool) -> None:
    """The required ones must come."""
    node = Object(
        [Member("a", INTEGER, False), Member("b", INTEGER, True), Member("c", INTEGER, False)], ()
    )
    for style in STYLES:
        assert accepts(node, json.dumps(dict.fromkeys(names, 1), **style)) is is_allowed


@pytest.mark.parametrize(("least", "most"), [(0, None), (1, 2), (2, 2), (0, 0), (0, 1), (3, None)])
def test_extra_members_are_counted(least: int, most: int | None) -> None:
    """And have none of the declared names."""
    node = Object([Member("a", INTEGER, True)], (ExtraMembers(None, INTEGER),), ("a",), least, most)
    for size in range(5):
        names = ["a", *"bcde"[:size]]
        text = json.dumps(dict.fromkeys(names, 1))
        assert accepts(node, text) == (least <= size and (most is None or size <= most))
    assert not accepts(node, '{"a": 1, "b": 1, "a": 1}')


@pytest.mark.parametrize(("least", "most"), [(0, None), (1, 2), (2, 2), (0, 0), (0, 1), (3, None)])
@pytest.mark.parametrize("num_prefix", [0, 1, 2])
@pytest.mark.parametrize("items", [INTEGER, None])
def test_items_are_counted(
    least: int, most: int | None, num_prefix: int, items: Node | None
) -> None:
    """Those of the prefix first."""
    node = Array([Texts((b'"p"',))] * num_prefix, items, least, most)
    greatest = min(num_prefix if items is None else 9, 9 if most is None else most)
    for size in range(5):
        text = json.dumps((["p"] * num_prefix + [7] * 5)[:size])
        assert accepts(node, text) == (least <= size <= greatest)


def test_counts_beyond_the_rules_are_left_to_the_check() -> None:
    """The minimum that the rules keep is the greatest they can."""
    lowered = lower(Array((), INTEGER, MAX_ITEMS + 1))
    assert not lowered.is_exact
    assert lower(Array((), INTEGER, MAX_ITEMS)).is_exact
    costs = Costs(reachable(lowered.start), len)
    assert costs.of(costs.start) == len("[0" + ",0" * (MAX_ITEMS - 1) + "]")


def test_names_with_a_pattern_are_left_to_the_check() -> None:
    """A pattern may have few names, and costs do not tell when they are used up."""
    extras = ExtraMembers("x_[a-z]", INTEGER)
    assert not lower(Object((), (extras,))).is_exact
    assert accepts(Object((), (extras,)), '{"x_a": 1, "x_b": 2}')
    assert not accepts(Object((), (extras,)), '{"x_a": 1, "y": 2}')


def test_recursive_schemas_have_recursive_rules() -> None:
    """Of any depth."""
    tree = Union()
    tree.options += [Texts((b"null",)), Array((), tree)]
    assert accepts(tree, "[null,[[],[null]]]")
    assert accepts(tree, "[" * 50 + "]" * 50)


def test_a_member_that_nothing_satisfies_is_not_begun() -> None:
    """It could not be ended."""
    never = Union([Union(is_never=True)])
    node = Object([Member("a", never, False), Member("b", INTEGER, False)], ())
    assert accepts(node, '{"b": 1}')
    rules = reachable(lower(node).start)
    assert ParserState.start(Costs(rules, len)).advance(b'{"a').is_dead
    assert compiled(tokenizer(), to_lark(rules)).try_consume_tokens(list(b'{"a')) == 2


def test_ends_of_unique_items_differ() -> None:
    """Where a list must have several, the shortest one has different ones."""
    node = Array((), INTEGER, 4, None, is_unique=True)
    ending = next(ParserState.start(Costs(reachable(lower(node).start), len)).endings())
    items = json.loads(ending)
    assert len(set(items)) == len(items) == 4


def test_a_string_has_a_length() -> None:
    """In characters."""
    assert accepts(String(2, 3), '"é\\n"')
    assert not accepts(String(2, 3), '"é"')
    assert not accepts(String(2, 3), '"abcd"')


def test_required_members_are_one_sequence() -> None:
    """The parser chooses nothing between them."""
    members = [Member(name, INTEGER, True) for name in "abcdef"]
    (compact, *_) = lower(Object(members, ())).start.sequences
    assert len(reachable(compact[0])) <= 2  # type: ignore[arg-type]  # a rule
