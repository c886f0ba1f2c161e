"""Rules as text that llguidance compiles."""

from __future__ import annotations

import pytest

from galop.grammar.lark import to_lark
from galop.grammar.matcher import compiled
from galop.grammar.number_leaf import NumberLeaf
from galop.grammar.rules import Rule, Symbols, reachable
from galop.grammar.string_leaf import StringLeaf
from galop.grammar.vocabulary import special_mark
from galop.testing import END
from server.tests.grammar.walks import tokenizer

NUMBER = NumberLeaf("/[0-9]+/", b"0")


def lark(*sequences: Symbols) -> str:
    return to_lark(reachable(Rule(list(sequences))))


def accepts(grammar: str, token_ids: list[int]) -> bool:
    """True if llguidance takes the tokens as a whole text."""
    matcher = compiled(tokenizer(), grammar)
    assert not matcher.is_error(), matcher.get_error()
    return matcher.try_consume_tokens(token_ids) == len(token_ids) and matcher.is_accepting()


def test_a_sequence_is_written_in_order() -> None:
    """A leaf becomes a terminal, used by name wherever it is."""
    text = lark((b"[", NUMBER, b",", NUMBER, b"]"))
    assert text == 'start: r0\nr0: "[" T0 "," T0 "]"\nT0: /[0-9]+/'


def test_an_empty_sequence_may_be_left_out() -> None:
    """It stands for the empty text."""
    option = Rule([(b"x",), ()])
    text = lark((b"a", option))
    assert accepts(text, list(b"a"))
    assert accepts(text, list(b"ax"))
    assert not accepts(text, list(b"axx"))


@pytest.mark.parametrize("max_turns", [None, 1, 2])
def test_a_loop_comes_round_as_often_as_it_may(max_turns: int | None) -> None:
    """And ends with its last sequence."""
    loop = Rule(is_loop=True, max_turns=max_turns)
    loop.sequences += [(b"a", loop), (b"b", loop), (b".",)]
    text = lark((loop,))
    for num_turns in range(5):
        is_allowed = max_turns is None or num_turns <= max_turns
        assert accepts(text, list(b"abab"[:num_turns] + b".")) == is_allowed


@pytest.mark.parametrize("literal", [b'"', b"\\", b"\n", b"/", "é\u2028".encode(), b"%json {}"])
def test_a_literal_stands_for_itself(literal: bytes) -> None:
    """Whatever Lark would make of it."""
    text = lark((literal, b"."))
    assert accepts(text, list(literal + b"."))
    assert not accepts(text, list(b"."))


def test_the_mark_of_a_control_token_becomes_the_token() -> None:
    """Its text is not the same as the token."""
    text = lark((b"a" + special_mark(END) + b"b",))
    assert f"<[{END}]>" in text
    assert '"a"' in text
    assert '"b"' in text


def test_a_schema_within_the_grammar_is_a_nonterminal() -> None:
    """llguidance takes `%json` nowhere else."""
    leaf = StringLeaf('%json {"const": "x"}', b'"x"')
    text = lark((b"[", leaf, b"]"))
    assert "j0: %json" in text
    assert accepts(text, list(b'["x"]'))
