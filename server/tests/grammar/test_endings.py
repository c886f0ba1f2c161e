"""The search for texts that end a document."""

from __future__ import annotations

from itertools import islice

from galop.grammar.configuration import Configuration
from galop.grammar.costs import Costs
from galop.grammar.endings import endings
from galop.grammar.key_leaf import KeyLeaf
from galop.grammar.number_leaf import NumberLeaf
from galop.grammar.rules import Rule, Symbols, reachable
from galop.grammar.stack import Stack
from galop.grammar.string_leaf import StringLeaf

DIGIT = NumberLeaf("/[0-9]/", b"0", (b"1", b"2"))


def of(*sequences: Symbols, max_steps: int = 2000) -> list[bytes]:
    """The endings of a rule, under costs that are bytes; at most 50."""
    stack = Stack.start(Costs(reachable(Rule(list(sequences))), len))
    return list(islice(endings([Configuration(stack)], len, max_steps), 50))


def test_all_endings_are_found_once_where_they_are_few() -> None:
    """The cheapest first."""
    assert of((b"abc",), (b"a", b"bc"), (b"x",), (DIGIT, b"z")) == [
        b"x",
        b"0z",
        b"abc",
        b"1z",
        b"2z",
    ]


def test_endings_that_differ_in_one_place_come_first() -> None:
    """Before those that differ from the cheapest in two places."""
    found = of((b"[", DIGIT, b",", DIGIT, b"]"))
    assert len(found) == 9
    assert found[0] == b"[0,0]"
    assert set(found[1:3]) == {b"[0,1]", b"[1,0]"}
    assert found[-1] == b"[2,2]"


def test_endings_of_a_list_get_longer() -> None:
    """There is no end to them; the cost never falls by more than a deviation."""
    loop = Rule(is_loop=True)
    loop.sequences += [(b",0", loop), (b"]",)]
    assert of((b"[0", loop))[:3] == [b"[0]", b"[0,0]", b"[0,0,0]"]


def test_names_differ_within_an_object() -> None:
    """Each member that is added gets a new one."""
    key = KeyLeaf("/x/", b'"":', before=b'"', after=b'":')
    loop = Rule(is_loop=True)
    loop.sequences += [(key, b"0,", loop), (b"}",)]
    assert of((b"{", loop))[:3] == [b"{}", b'{"":0,}', b'{"":0,"a":0,}']


def test_the_search_ends_after_its_steps() -> None:
    """Also where it has found nothing yet."""
    assert of((b"a", b"b", b"c", b"d"), max_steps=3) == []


def test_what_has_no_end_has_no_endings() -> None:
    """A rule that only stands for itself, and a leaf of which no text is known."""
    endless = Rule()
    endless.sequences.append((b"[", endless, b"]"))
    assert of((endless,)) == []
    assert of((b"[", StringLeaf("/x/", None), b"]")) == []
