"""What all leaves have in common, and literals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.key_leaf import KeyLeaf, PatternKeyLeaf
from galop.grammar.leaf import INFINITE, InLiteral, Leaf, Step, num_matching
from galop.grammar.lexeme_leaf import NumberLexemeLeaf, StringLexemeLeaf
from galop.grammar.number_leaf import NumberLeaf
from galop.grammar.string_leaf import StringLeaf

literals = st.binary(min_size=1, max_size=6)
NOBODY = frozenset[bytes]()


def nothing(text: bytes) -> bytes | None:
    """An ending that is never known."""
    return None


def leaves(shortest: bytes | None) -> list[Leaf]:
    """One of each kind."""
    return [
        StringLeaf("/x/", shortest),
        NumberLeaf("/x/", shortest),
        KeyLeaf("/x/", shortest, before=b',"'),
        PatternKeyLeaf("/x/", shortest, before=b',"', ending=nothing),
        StringLexemeLeaf("/x/", shortest, ending=nothing),
        NumberLexemeLeaf("/x/", shortest, ending=nothing),
    ]


@pytest.mark.parametrize("leaf", leaves(b'"a"'), ids=lambda leaf: type(leaf).__name__)
def test_a_leaf_begins_only_with_bytes_it_may_begin_with(leaf: Leaf) -> None:
    """Choices leave out alternatives by their first byte."""
    for byte in range(256):
        if leaf.begin(bytes([byte]), 0, NOBODY) is not None:
            assert leaf.may_begin_with(byte)
    assert not leaf.may_begin_with(ord("{"))


@pytest.mark.parametrize("leaf", leaves(None), ids=lambda leaf: type(leaf).__name__)
def test_a_leaf_of_which_no_text_is_known_cannot_be_ended(leaf: Leaf) -> None:
    """Its cost is infinite."""
    assert leaf.cost(len) == INFINITE


def test_texts_are_the_shortest_one_and_its_variants() -> None:
    """Each once."""
    leaf = StringLeaf("/x/", b'"b"', (b'"a"', b'"b"'))
    assert [each.text for each in leaf.texts(NOBODY)] == [b'"b"', b'"a"']


@given(literals, literals)
def test_texts_match_as_far_as_both_go(literal: bytes, rest: bytes) -> None:
    """All of the shorter one is the same, or nothing matches."""
    size = min(len(literal), len(rest))
    expected = size if literal[:size] == rest[:size] else None
    assert num_matching(b"xy" + literal, 2, rest) == expected


@given(literals, st.binary(max_size=3), st.data())
def test_a_literal_is_taken_in_any_pieces(literal: bytes, rest: bytes, data: st.DataObject) -> None:
    """It ends where it ends, and costs what is missing of it."""
    cut = data.draw(st.integers(0, len(literal) - 1))
    state = InLiteral(literal, 0)
    step = state.step(b"." + literal[:cut], 1, NOBODY)
    assert step is not None
    assert isinstance(step.state, InLiteral)
    assert step.state.cost(len) == len(literal) - cut
    assert [each.text for each in step.state.completions(NOBODY)] == [literal[cut:]]
    assert step.state.step(literal[cut:] + rest, 0, NOBODY) == Step(len(literal) - cut, None)


def test_another_text_is_no_literal() -> None:
    """Whether it differs early or late."""
    assert InLiteral(b"null", 1).step(b"ulx", 0, NOBODY) is None
    assert InLiteral(b"null", 1).step(b"x", 0, NOBODY) is None
