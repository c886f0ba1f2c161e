"""The end of a lexeme, found by asking its compiled grammar."""

from __future__ import annotations

import pytest
from llguidance import LLMatcher

from galop.grammar.lexemes import byte_tokenizer
from galop.grammar.matcher import compiled
from galop.grammar.search import shortest_ending


def after(regex: str, text: bytes) -> LLMatcher:
    """A matcher of the expression after a text."""
    matcher = compiled(byte_tokenizer(), f"start: T\nT: /{regex}/")
    assert matcher.try_consume_tokens(list(text)) == len(text)
    return matcher


@pytest.mark.parametrize(
    ("regex", "text", "size"),
    [
        ("abc", b"", 3),
        ("abc", b"a", 2),
        ("x*", b"xx", 0),
        ("[0-9]{4}-[0-9]{2}", b"20", 5),
        ("(long|[a-z]{2}!|x)", b"", 1),
        ('"[^"]{5,}"', b'"ab', 4),
        ("(é|ü){2}", b"\xc3", 3),
        ("[A-Z]{40}", b"", 40),
    ],
)
def test_the_fewest_bytes_that_make_a_text_whole(regex: str, text: bytes, size: int) -> None:
    """They are accepted, and the matcher is as it was."""
    matcher = after(regex, text)
    ending = shortest_ending(matcher)
    assert ending is not None
    assert len(ending) == size
    assert matcher.try_consume_tokens(list(ending)) == size
    assert matcher.is_accepting()


def test_some_ends_are_not_found() -> None:
    """Where they are far away: the search is bounded."""
    assert shortest_ending(after("a{700}", b"")) is None
    assert shortest_ending(after("(a|b){5}c{590}", b"aaaaa")) is not None
