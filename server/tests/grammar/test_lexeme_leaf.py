"""Strings and numbers that only their compiled grammar knows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.leaf import INFINITE, Completion, Step
from galop.grammar.lexeme_leaf import NumberLexemeLeaf, StringLexemeLeaf
from galop.grammar.number_leaf import MAX_NUMBER_BYTES

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
NOBODY = frozenset[bytes]()
STRING = StringLexemeLeaf("/x/", b'"abc"', ending=lambda text: b'"abc"'[len(text) :])
NUMBER = NumberLexemeLeaf("/x/", b"3", ending=lambda text: b"" if len(text) > 1 else b"0")


@given(texts, st.booleans(), st.data())
def test_a_string_ends_at_its_closing_quote(text: str, is_ascii: bool, data: st.DataObject) -> None:
    """However it is cut in two."""
    string = json.dumps(text, ensure_ascii=is_ascii).encode()
    cut = data.draw(st.integers(1, len(string) - 1))
    step = STRING.begin(b"[" + string[:cut], 1, NOBODY)
    assert step is not None
    assert step.state is not None
    assert step.state.step(string[cut:] + b",", 0, NOBODY) == Step(len(string) - cut, None)


@given(st.from_regex(r"-?[1-9][0-9]{0,9}", fullmatch=True), st.data())
def test_a_number_ends_before_what_follows(number: str, data: st.DataObject) -> None:
    """However it is cut in two."""
    text = number.encode()
    cut = data.draw(st.integers(1, len(text)))
    step = NUMBER.begin(b"[" + text[:cut], 1, NOBODY)
    assert step is not None
    assert step.state is not None
    assert step.state.step(text[cut:] + b",", 0, NOBODY) == Step(len(text) - cut, None)


def test_the_ending_is_asked_for_all_of_the_text() -> None:
    """With the opening quote of a string."""
    string = STRING.begin(b'"a', 0, NOBODY)
    number = NUMBER.begin(b"7", 0, NOBODY)
    assert string is not None
    assert string.state is not None
    assert number is not None
    assert number.state is not None
    assert list(string.state.completions(NOBODY)) == [Completion(b'bc"')]
    assert string.state.cost(len) == 3
    assert list(number.state.completions(NOBODY)) == [Completion(b"0")]
    assert number.state.cost(len) == 1


def test_without_a_known_ending_there_is_no_completion() -> None:
    """The cost is infinite."""
    leaf = StringLexemeLeaf("/x/", None, ending=lambda text: None)
    step = leaf.begin(b'"', 0, NOBODY)
    assert step is not None
    assert step.state is not None
    assert step.state.cost(len) == INFINITE
    assert list(step.state.completions(NOBODY)) == []


def test_a_number_has_a_greatest_size() -> None:
    """Its ending counts."""
    leaf = NumberLexemeLeaf("/x/", b"1", ending=lambda text: b"00")
    longest = b"1" * MAX_NUMBER_BYTES
    step = leaf.begin(longest[1:], 0, NOBODY)
    assert step is not None
    assert step.state is not None
    assert step.state.cost(len) == INFINITE
    assert list(step.state.completions(NOBODY)) == []
    assert leaf.begin(longest + b"1", 0, NOBODY) is None


@pytest.mark.parametrize(("leaf", "other"), [(STRING, b"1"), (NUMBER, b'"')])
def test_what_begins_otherwise_does_not_fit(
    leaf: StringLexemeLeaf | NumberLexemeLeaf, other: bytes
) -> None:
    """A string begins with a quote, a number with a digit or a minus."""
    assert leaf.begin(other, 0, NOBODY) is None
