"""The least cost of rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.costs import Costs
from galop.grammar.leaf import INFINITE
from galop.grammar.number_leaf import NumberLeaf
from galop.grammar.rules import Rule, Symbols, reachable

NUMBER = NumberLeaf("/[0-9]+/", b"0")


@st.composite
def grammars(draw: st.DrawFn) -> list[Rule]:
    """Up to five rules that use each other in any way, left recursion included."""
    rules = [Rule() for _ in range(draw(st.integers(1, 5)))]
    symbols = st.one_of(st.sampled_from([b"a", b"bc", b"def"]), st.sampled_from(rules))
    for rule in rules:
        rule.sequences += draw(st.lists(st.lists(symbols, max_size=3).map(tuple), max_size=3))
    return reachable(rules[0])


def least_by_repetition(rules: list[Rule]) -> dict[Rule, int]:
    """The plain way: all rules over and over, until nothing changes."""
    found = dict.fromkeys(rules, INFINITE)

    def cost(symbols: Symbols) -> int:
        total = 0
        for symbol in symbols:
            assert isinstance(symbol, Rule | bytes)
            total += found[symbol] if isinstance(symbol, Rule) else len(symbol)
        return total

    while True:
        lower = {rule: min([INFINITE, *map(cost, rule.sequences)]) for rule in rules}
        if lower == found:
            return found
        found = lower


@given(grammars())
def test_the_cost_of_a_rule_is_that_of_its_cheapest_text(rules: list[Rule]) -> None:
    """Infinite if it has no finite text."""
    costs = Costs(rules, len)
    assert {rule: costs.of(rule) for rule in rules} == least_by_repetition(rules)


@given(grammars())
def test_the_costs_of_suffixes_are_sums(rules: list[Rule]) -> None:
    """Of their symbols, at most infinite; nothing is left at the end."""
    costs = Costs(rules, len)
    for alternative in (each for rule in rules for each in costs.alternatives(rule)):
        suffixes = alternative.suffix_costs
        assert suffixes[-1] == 0
        for index, symbol in enumerate(alternative.symbols):
            assert suffixes[index] == min(INFINITE, costs.of(symbol) + suffixes[index + 1])


def test_a_leaf_costs_what_its_shortest_text_costs() -> None:
    """And nothing can be ended that has a leaf without one."""
    unknown = NumberLeaf("/[0-9]+/", None)
    costs = Costs([Rule([(b"ab", NUMBER)]), Rule([(unknown,)])], len)
    assert costs.of(NUMBER) == 1
    assert costs.of(unknown) == INFINITE
    assert costs.of(costs.start) == INFINITE


def test_a_choice_has_the_alternatives_of_rules_that_stand_alone() -> None:
    """Also where they stand for each other, and without those that cannot begin with the byte."""
    inner, other = Rule(), Rule([(b"c",), (b"a", b"b")])
    inner.sequences += [(b"a",), (other,), (NUMBER, b"."), (inner,)]
    rule = Rule([(inner,), (b"x", inner), (inner, b"y")])
    costs = Costs(reachable(rule), len)
    literals, others = costs.choice(rule).branches(ord("a"))
    assert {each.symbols for each in literals} == {(b"a",), (b"a", b"b")}
    assert {each.symbols for each in others} == {(inner, b"y")}
    literals, others = costs.choice(rule).branches(ord("7"))
    assert literals == ()
    assert {each.symbols for each in others} == {(inner, b"y"), (NUMBER, b".")}


def test_what_may_be_empty_is_an_alternative_for_every_byte() -> None:
    """It takes none."""
    rule = Rule([(), (b"", b"a")])
    costs = Costs(reachable(rule), len)
    literals, others = costs.choice(rule).branches(ord("z"))
    assert [each.symbols for each in literals] == [(b"", b"a")]
    assert [each.symbols for each in others] == [()]


def test_a_counted_loop_keeps_its_place_in_a_choice() -> None:
    """Its turns are counted where it is at the top of a stack."""
    loop = Rule(is_loop=True, max_turns=2)
    loop.sequences += [(b"x", loop), (b"]",)]
    rule = Rule([(loop,)])
    costs = Costs(reachable(rule), len)
    assert [each.symbols for each in costs.choice(rule).branches(ord("x")).others] == [(loop,)]
    assert costs.last_choice(loop).branches(ord("x")).literals == ()
    assert [each.symbols for each in costs.last_choice(loop).branches(ord("]")).literals] == [
        (b"]",)
    ]
