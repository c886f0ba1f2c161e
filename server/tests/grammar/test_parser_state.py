"""The automaton beside llguidance: what it follows, what it costs to end, and how it ends."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galop.grammar.characters import num_characters
from galop.grammar.configuration import Configuration
from galop.grammar.costs import Costs
from galop.grammar.key_leaf import MAX_FRESH_SUFFIX, KeyLeaf
from galop.grammar.leaf import INFINITE
from galop.grammar.lexeme_leaf import StringLexemeLeaf
from galop.grammar.number_leaf import NumberLeaf
from galop.grammar.parser_state import MAX_DEPTH, ParserState
from galop.grammar.rules import Rule, Symbols, reachable
from galop.grammar.string_leaf import StringLeaf
from server.tests.grammar.walks import choices, schemas, walk

STRING = StringLeaf(r'/"[^"]*"/', b'""', (b'"a"',))
NUMBER = NumberLeaf("/[0-9]+/", b"0")
KEY = KeyLeaf(r'/"[^"]*":/', b'"":')


def start(*sequences: Symbols) -> ParserState:
    """Of a rule; the costs are bytes."""
    return ParserState.start(Costs(reachable(Rule(list(sequences))), len))


def loop(turn: Symbols, close: bytes, max_turns: int | None = None) -> Rule:
    rule = Rule(is_loop=True, max_turns=max_turns)
    rule.sequences += [(*turn, rule), (close,)]
    return rule


def content(configuration: Configuration) -> tuple[object, ...]:
    """What a configuration says, where stacks are compared by what is on them."""
    stack, state = configuration
    nodes = []
    while stack is not None:
        nodes.append((stack.alternative, stack.index, stack.container))
        stack = stack.below
    return (*nodes, state)


@settings(max_examples=60)
@given(schemas, choices, st.data())
def test_the_split_of_a_text_into_tokens_changes_nothing(
    schema: Any, picks: bytes, data: st.DataObject
) -> None:
    """The state after a text is the same, however many calls have taken it."""
    text, state, _ = walk(schema, picks)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    whole, parts = state.advance(text), state
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        parts = parts.advance(text[begin:end])
    assert set(map(content, parts.configurations)) == set(map(content, whole.configurations))
    assert parts.cost == whole.cost


@settings(max_examples=60)
@given(schemas, choices)
def test_it_knows_when_a_document_is_whole(schema: Any, picks: bytes) -> None:
    """It is whole where llguidance accepts, unless the last leaf is a number, which may go on."""
    text, state, matcher = walk(schema, picks)
    after = state.advance(text)
    assert not after.is_dead
    assert after.is_whole <= matcher.is_accepting()
    assert (after.cost == 0) == matcher.is_accepting()


@settings(max_examples=60)
@given(schemas, choices)
def test_endings_end_the_document(schema: Any, picks: bytes) -> None:
    """The automaton itself takes every one of them, and llguidance the first."""
    text, state, matcher = walk(schema, picks)
    after = state.advance(text)
    found = list(islice(after.endings(), 20))
    assert len(found) == len(set(found))
    for ending in found:
        assert after.advance(ending).cost == 0
    if found:
        assert matcher.try_consume_tokens(list(found[0])) == len(found[0])
        assert matcher.is_accepting()


@settings(max_examples=60)
@given(schemas, choices)
def test_the_cost_is_a_bound_that_an_ending_keeps(schema: Any, picks: bytes) -> None:
    """The first ending is no longer than the cost, but for the letters of invented names."""
    text, state, _ = walk(schema, picks)
    after = state.advance(text)
    first = next(after.endings(), None)
    assert first is not None
    assert len(first) <= after.cost < INFINITE


@settings(max_examples=60)
@given(schemas, choices)
def test_no_known_ending_is_much_cheaper_than_the_cost(schema: Any, picks: bytes) -> None:
    """The cost exceeds the shortest ending by the letters of invented names alone."""
    text, state, _ = walk(schema, picks)
    after = state.advance(text)
    shortest = min(islice(after.endings(), 30), key=len)
    num_names = shortest.count(b":")
    assert after.cost - MAX_FRESH_SUFFIX * num_names <= len(shortest)


@settings(max_examples=60)
@given(schemas, choices, st.data())
def test_a_step_costs_no_more_than_its_bytes_save(
    schema: Any, picks: bytes, data: st.DataObject
) -> None:
    """What was paid and what is to pay together are never less than what was to pay before."""
    text, state, _ = walk(schema, picks)
    size = data.draw(st.integers(0, len(text)))
    before, after = state.advance(text[:size]), state.advance(text)
    num_names = text[size:].count(b":") + 1
    assert before.cost <= len(text) - size + after.cost + MAX_FRESH_SUFFIX * num_names


@pytest.mark.parametrize(
    ("beginning", "rest"), [(b"", b"0"), (b"[", b"0]"), (b"[0", b"]"), (b"[0,[", b"0]]")]
)
def test_the_cheapest_ending_of_nested_lists(beginning: bytes, rest: bytes) -> None:
    """Recursive rules."""
    value = Rule()
    value.sequences += [(NUMBER,), (b"[", value, loop((b",", value), b"]"))]
    state = ParserState.start(Costs(reachable(value), len)).advance(beginning)
    assert next(state.endings()) == rest
    assert state.cost == len(rest)


def test_an_alternative_that_fails_is_dropped() -> None:
    """Two readings, then one, then none."""
    state = start((b"ab", NUMBER), (b"ax",), (b"a", STRING))
    assert sorted(state.advance(b"a").endings())[:2] == [b'""', b'"a"']
    assert list(state.advance(b"ax").endings()) == [b""]
    assert state.advance(b"ay").is_dead
    assert state.advance(b"ay").cost == INFINITE
    assert list(state.advance(b"ay").endings()) == []


def test_nothing_follows_a_whole_document() -> None:
    """Not even a space."""
    state = start((b"null",)).advance(b"null")
    assert state.is_whole
    assert state.advance(b" ").is_dead


def test_many_alternatives_that_begin_alike_are_one_configuration() -> None:
    """A thousand optional members cost one configuration until the text tells them apart."""
    state = start(*((b'{"name%d":' % index, NUMBER, b"}") for index in range(1000)))
    waiting = state.advance(b'{"na')
    assert len(waiting.configurations) == 1
    assert waiting.cost == len(b'me0":0}')
    assert next(waiting.advance(b"me999").endings()) == b'":0}'


def test_a_name_cannot_come_twice_in_one_object() -> None:
    """In an object within the object it can."""
    member = (KEY, Rule([(NUMBER,), (b"{", loop((KEY, NUMBER, b","), b"}"))]), b",")
    state = start((b"{", loop(member, b"}")))
    assert not state.advance(b'{"a":1,"b":2,"ab":').is_dead
    assert state.advance(b'{"a":1,"a":').is_dead
    assert not state.advance(b'{"a":{"a":1,"b":2,},"c":').is_dead
    assert state.advance(b'{"a":{"b":1,},"a":').is_dead
    assert state.advance(rb'{"a":1,"\u0061":').is_dead


def test_a_counted_loop_ends_after_its_turns() -> None:
    """And counts again in the next list."""
    lists = loop((b"[", loop((b"x",), b"]", max_turns=2)), b".")
    state = start((lists,))
    assert not state.advance(b"[xx][xx]").is_dead
    assert state.advance(b"[xxx").is_dead
    assert next(state.advance(b"[xx").endings()) == b"]."


def test_a_stack_does_not_grow_without_end() -> None:
    """Documents that are nested too deep for parsers are refused."""
    value = Rule()
    value.sequences += [(b"[", value, b"]"), (b"0",)]
    state = ParserState.start(Costs(reachable(value), len))
    assert not state.advance(b"[" * (MAX_DEPTH - 2)).is_dead
    assert state.advance(b"[" * (MAX_DEPTH + 2)).is_dead


@pytest.mark.parametrize(
    ("text", "is_free"),
    [(b"", False), (b'"', True), (b'"a', True), (b'"\\', False), (b'"a"', False)],
)
def test_a_free_string_is_one_where_more_characters_change_nothing(
    text: bytes, is_free: bool
) -> None:
    """Between two characters, and where no minimum counts them."""
    state = start((STRING, b";")).advance(text)
    assert state.is_in_free_string is is_free
    if is_free:
        assert state.advance("é b".encode()).configurations == state.configurations
    counted = StringLeaf("/x/", b'"aa"', min_chars=2)
    assert not start((counted,)).advance(b'"').is_in_free_string


def test_a_searched_leaf_has_a_cost_that_asks_nobody() -> None:
    """Inside of it, and nowhere else."""

    def ending(text: bytes) -> bytes:
        raise AssertionError("the compiled grammar was asked")

    lexeme = StringLexemeLeaf("/x/", b'"1234"', ending=ending)
    state = start((b"[", lexeme, b"]"))
    assert state.advance(b"[").rough_cost is None
    inside = state.advance(b'["12')
    assert inside.is_searched
    assert inside.rough_cost == len(b'"1234"]')


def test_the_minimum_of_a_string_is_part_of_its_cost() -> None:
    """Characters are counted, not bytes."""
    leaf = StringLeaf("/x/", b'"aaaa"', min_chars=4)
    state = start((leaf,))
    assert num_characters("é\\n".encode()) == 2
    assert state.advance('"é\\n'.encode()).cost == len(b'aa"')


def test_the_last_byte_of_a_literal_is_forced_unless_several_may_follow() -> None:
    """A forced bracket brings the forced text after it along: fewer steps of the model."""
    inner = Rule([(b"[", NUMBER, b"\n]")])
    closes = start((inner, b"\n}")).advance(b"[1\n")
    assert not closes.forces_nothing
    goes_on = start((inner, Rule([(b",", inner), (b"\n}",)]))).advance(b"[1\n")
    assert goes_on.forces_nothing


def test_a_string_without_a_maximum_forces_nothing() -> None:
    """At its maximum, the closing quote of another is forced, with what follows it."""
    bounded = StringLeaf(r'/"[^"]{0,2}"/', b'""', (b'"a"',), max_chars=2)
    assert start((STRING, b"}")).advance(b'"ab').forces_nothing
    assert not start((bounded, b"}")).advance(b'"ab').forces_nothing
