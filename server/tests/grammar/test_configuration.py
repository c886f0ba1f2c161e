"""One reading of a text."""

from __future__ import annotations

from galop.grammar.configuration import Configuration, InChoice
from galop.grammar.costs import Costs
from galop.grammar.key_leaf import InKeyClosing, KeyLeaf
from galop.grammar.leaf import INFINITE, InLiteral
from galop.grammar.rules import Rule, Symbol, Symbols, reachable
from galop.grammar.stack import Stack
from galop.grammar.string_leaf import InString, StringLeaf

STRING = StringLeaf("/x/", b'""')
KEY = KeyLeaf("/x/", b'"":')


def start(*sequences: Symbols) -> Stack:
    """Of a rule; the costs are bytes."""
    return Stack.start(Costs(reachable(Rule(list(sequences))), len))


def first(*symbols: Symbol) -> Stack:
    """The stack with these symbols."""
    stack = start(symbols)
    assert isinstance(stack.top, Rule)
    found = stack.replace(stack.alternatives(stack.top)[0])
    assert found is not None
    return found


def test_a_whole_document_costs_nothing() -> None:
    """And is completed by nothing."""
    configuration = Configuration(None)
    assert configuration.cost == 0
    assert list(configuration.completions()) == [(b"", None)]


def test_before_a_symbol_the_cost_is_that_of_the_stack() -> None:
    """Nothing has begun that could be completed."""
    stack = first(b"abc", STRING)
    configuration = Configuration(stack)
    assert configuration.cost == stack.cost == 5
    assert list(configuration.completions()) == [(b"", stack)]


def test_inside_of_a_symbol_its_rest_is_to_pay() -> None:
    """And all that follows."""
    stack = first(b"abc", b"]")
    configuration = Configuration(stack, InLiteral(b"abc", 2))
    assert configuration.cost == 2
    assert list(configuration.completions()) == [(b"c", stack.pop())]
    assert Configuration(first(STRING, b"]"), InString(STRING)).cost == 2


def test_a_completed_key_leaves_its_name() -> None:
    """On the stack that follows."""
    stack = first(KEY, b"0}")
    ((text, after),) = Configuration(stack, InKeyClosing(KEY, b"a", 1)).completions()
    assert text == b":"
    assert after is not None
    assert after.names == {b"a"}


def test_a_choice_costs_what_its_cheapest_alternative_does() -> None:
    """Of those that go on with the text; the first one is completed last, which ranks it first."""
    stack = start((b"abcd", STRING), (b"abx", b"12345"))
    rule = stack.top
    assert isinstance(rule, Rule)
    alternatives = stack.alternatives(rule)
    configuration = Configuration(stack, InChoice(alternatives, b"ab"))
    assert configuration.cost == len(b'cd""')
    assert [text for text, _ in configuration.completions()] == [b"x", b"cd"]
    assert [after.top for _, after in configuration.completions() if after] == [b"12345", STRING]


def test_what_cannot_be_ended_has_an_infinite_cost() -> None:
    """Though its first symbol can be."""
    unknown = StringLeaf("/x/", None)
    assert Configuration(first(b"a", unknown), InLiteral(b"abc", 1)).cost >= INFINITE
