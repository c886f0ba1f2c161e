"""Where the characters of a JSON string end, and what completes one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.characters import (
    completion,
    end_of_characters,
    fresh_suffix,
    name_of,
    num_characters,
    pending_character,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
is_ascii = st.booleans()


def raw(text: str, is_ascii: bool) -> bytes:
    """As JSON, without quotes; ASCII alone has escapes for all else."""
    return json.dumps(text, ensure_ascii=is_ascii)[1:-1].encode()


@given(texts, is_ascii, st.sampled_from([b"", b'"', b'",1]', b'"\\']))
def test_characters_end_at_the_quote(text: str, is_ascii: bool, rest: bytes) -> None:
    """Not at a quote that is escaped."""
    characters = raw(text, is_ascii)
    assert end_of_characters(characters + rest) == len(characters)


@given(texts, is_ascii)
def test_characters_are_counted_as_a_parser_counts_them(text: str, is_ascii: bool) -> None:
    """An escape is one character, and so is a pair of surrogates."""
    assert num_characters(raw(text, is_ascii)) == len(text)


@given(texts, is_ascii, st.data())
def test_any_cut_can_be_completed(text: str, is_ascii: bool, data: st.DataObject) -> None:
    """To a string that a strict parser takes, with at most one character more."""
    characters = raw(text, is_ascii)
    beginning = characters[: data.draw(st.integers(0, len(characters)))]
    whole = beginning + completion(pending_character(beginning))
    value = json.loads(b'"' + whole + b'"')
    value.encode()  # refuses lone surrogates
    num_whole = num_characters(beginning[: end_of_characters(beginning)])
    assert value[:num_whole] == text[:num_whole]
    assert len(value) <= num_whole + 1


@pytest.mark.parametrize(
    ("pending", "rest"),
    [
        (b"", b""),
        (b"\\", b"n"),
        (b"\\u", b"0000"),
        (b"\\uD", b"000"),
        (b"\\ud8", b"00\\udc00"),
        (b"\\ud83d", b"\\udc00"),
        (b"\\ud83d\\ude", b"00"),
        (b"\xc3", b"\x80"),
        (b"\xe0", b"\xa0\x80"),
        (b"\xe2\x82", b"\x80"),
        (b"\xf0", b"\x90\x80\x80"),
        (b"\xf0\x9f\x98", b"\x80"),
    ],
)
def test_completions_are_the_lowest_bytes_that_may_follow(pending: bytes, rest: bytes) -> None:
    """Unicode 16.0, table 3-7."""
    assert completion(pending) == rest
    json.loads(b'"' + pending + rest + b'"').encode()


@given(texts, is_ascii)
def test_a_name_is_what_its_key_stands_for(text: str, is_ascii: bool) -> None:
    """However it is escaped."""
    assert name_of(raw(text, is_ascii)) == text.encode()


@given(st.sets(st.text("abz", max_size=2)), st.text("ab", max_size=1))
def test_a_fresh_suffix_makes_a_new_name_with_the_fewest_letters(
    names: set[str], beginning: str
) -> None:
    """None where the name is new already."""
    taken = frozenset(name.encode() for name in names)
    suffix = fresh_suffix(beginning.encode(), taken)
    assert beginning.encode() + suffix not in taken
    assert bool(suffix) == (beginning in names)
