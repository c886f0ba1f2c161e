"""Rules as data."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.rules import Rule, drop_endless, reachable


@given(st.integers(1, 8), st.data())
def test_a_rule_comes_after_those_that_it_uses(num_rules: int, data: st.DataObject) -> None:
    """Of rules without recursion, each once; those that nothing uses are left out."""
    rules: list[Rule] = []
    for _ in range(num_rules):
        used = data.draw(st.lists(st.sampled_from(rules), max_size=3)) if rules else []
        rules.append(Rule([(b"x", each) for each in used] or [(b"y",)]))
    found = reachable(rules[-1])
    assert len(set(found)) == len(found)
    assert found[-1] is rules[-1]
    for index, rule in enumerate(found):
        used_rules = {symbol for symbols in rule.sequences for symbol in symbols}
        assert used_rules & set(rules) <= set(found[:index])


def test_recursive_rules_are_found_once() -> None:
    """The start is the last one all the same."""
    value, loop = Rule(), Rule(is_loop=True)
    value.sequences += [(b"[", value, loop), (b"0",)]
    loop.sequences += [(b",", value, loop), (b"]",)]
    start = Rule([(value,)])
    found = reachable(start)
    assert set(found) == {start, value, loop}
    assert len(found) == 3
    assert found[-1] is start


def test_rules_with_the_same_content_are_different_rules() -> None:
    """They can be filled differently later."""
    assert Rule() != Rule()
    assert len({Rule(), Rule()}) == 2


def test_sequences_without_a_finite_text_are_dropped() -> None:
    """Those that only lead back to themselves, and loops whose turns have no end."""
    endless, never = Rule(), Rule()
    endless.sequences.append((b"[", endless))
    loop = Rule(is_loop=True)
    loop.sequences += [(endless, loop), (b"]",)]
    start = Rule([(b"a", never), (b"b", loop), (endless,), ()])
    drop_endless(start)
    assert start.sequences == [(b"b", loop), ()]
    assert loop.sequences == [(b"]",)]
    assert not loop.is_loop
    assert reachable(start) == [loop, start]


def test_a_grammar_without_any_finite_text_is_left_as_it_is() -> None:
    """Its rules say which part of the schema is to blame."""
    endless = Rule(pointer="/a")
    endless.sequences.append((b"[", endless))
    start = Rule([(b"x", endless)])
    drop_endless(start)
    assert start.sequences == [(b"x", endless)]
