"""Regular expressions of property names, as llguidance reads them."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLMatcher

from galop.grammar.lexemes import byte_tokenizer
from galop.grammar.matcher import compiled
from galop.grammar.patterns import anchored
from galop.grammar.validation import validator_of

PATTERNS = [
    "^x_",
    "y$",
    "^[a-z]+$",
    "b",
    "^(x|y)_.*$",
    r"^\d{1,2}$",
    r"^\w+$",
    r"[\d_]",
    "^a/b$",
    r"^a\.b$",
    r"\$$",
    "",
    "^$",
    "^(?:x|y)$",
    r"^[^\]a]+$",
]


@cache
def matcher_of(translated: str) -> LLMatcher:
    return compiled(byte_tokenizer(), f"start: T\nT: /{translated}/")


@pytest.mark.parametrize("pattern", PATTERNS)
@given(name=st.text("xyab_/.$]19", max_size=4))
def test_a_pattern_matches_the_names_that_a_validator_takes(pattern: str, name: str) -> None:
    """It may match anywhere in the name, unless it has anchors."""
    translated = anchored(pattern)
    assert translated is not None
    matcher = matcher_of(translated).deep_copy()
    size = len(name)
    is_match = matcher.try_consume_tokens(list(name.encode())) == size and matcher.is_accepting()
    assert is_match == validator_of({"pattern": pattern}).is_valid(name)


@pytest.mark.parametrize(
    "pattern",
    [
        "^a|b$",
        "a|^b",
        r"\bx",
        r"(a)\1",
        "(?=x)y",
        "a^b",
        "a$b",
        r"\D",
        r"\S+",
        r"\u00e9",
        r"\p{L}",
        "\\",
    ],
)
def test_what_cannot_be_told_from_the_text_is_not_translated(pattern: str) -> None:
    """The document is checked instead."""
    assert anchored(pattern) is None
