"""Short texts that a regular expression matches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.examples import example_of

pieces = st.recursive(
    st.sampled_from(
        [
            "a",
            "x",
            r"\d",
            r"\w",
            r"\s",
            r"\S",
            r"\D",
            r"\W",
            ".",
            "[a-f]",
            "[^a-f]",
            r"[^\d_]",
            r"\.",
            "é",
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "+?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@given(pieces)
def test_an_example_matches(pattern: str) -> None:
    """All of it, with and without anchors."""
    for whole in (pattern, f"^{pattern}$"):
        example = example_of(whole)
        assert example is not None
        assert re.fullmatch(whole, example)


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        ("a*", ""),
        ("[0-9]{3}", "000"),
        ("ab|c", "c"),
        ("^[A-Z]", "A"),
        ("[^a]", "b"),
        ("[^ab]", "0"),
        ("(?:xy){2}", "xyxy"),
    ],
)
def test_an_example_is_short(pattern: str, example: str) -> None:
    """As few repetitions as may be, and the shortest alternative."""
    assert example_of(pattern) == example


@pytest.mark.parametrize("pattern", ["(?=a)b", "(", "a{1000}", "(a{30}){30}", r"(a)\1", "[a"])
def test_some_expressions_have_no_example(pattern: str) -> None:
    """They look around, repeat what was matched, are none, or are only matched by long texts."""
    assert example_of(pattern) is None
