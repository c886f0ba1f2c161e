"""The bytes of tokens."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galop.grammar.tokenizer import byte_vocabulary
from galop.grammar.vocabulary import Vocabulary, special_mark

PIECES = [
    b"ab",
    b"abc",
    b"bcd",
    b'"}',
    b'"},',
    b'":',
    b"\n  ",
    b"\xc3\xa9",
    b"true",
    b"12",
    b'\\"',
    b'a"b"',
]
FIRST_PIECE = 256
END = FIRST_PIECE + len(PIECES)


class PiecesTokenizer:
    """All bytes, some texts of several bytes, and one control token."""

    vocab_size = END + 1
    end_token_ids = frozenset([END])

    def encode(self, text: str, *, parse_special: bool = True) -> list[int]:
        """The bytes."""
        return list(text.encode())

    def token_bytes(self, token_id: int) -> bytes:
        """Empty for the control token."""
        if token_id < FIRST_PIECE:
            return bytes([token_id])
        return PIECES[token_id - FIRST_PIECE] if token_id < END else b""


@cache
def vocabulary() -> Vocabulary:
    return Vocabulary(byte_vocabulary(PiecesTokenizer()))


def text_of(token_ids: list[int]) -> bytes:
    return b"".join(vocabulary().token_bytes[token_id] for token_id in token_ids)


texts = st.lists(st.sampled_from([*PIECES, b"a", b"b", b"c", b"d", b"x"]), max_size=12).map(
    b"".join
)


@given(texts)
def test_tokens_make_up_their_text(text: bytes) -> None:
    """However they are found."""
    tokens = vocabulary()
    assert text_of(tokens.segment(text)) == text
    assert text_of(tokens.segment_shortest(text)) == text


@given(texts)
def test_the_fewest_tokens_are_no_more_than_others(text: bytes) -> None:
    """The longest first are sometimes more."""
    tokens = vocabulary()
    assert len(tokens.segment_shortest(text)) <= len(tokens.segment(text)) <= len(text)
    assert tokens.cost_of(text) == len(tokens.segment(text))


def test_the_longest_token_first_is_not_always_the_best() -> None:
    """abc+d against a+bcd is the same; ab+bcd would be better than abc cut short."""
    tokens = vocabulary()
    assert [tokens.token_bytes[i] for i in tokens.segment(b"abbcd")] == [b"ab", b"bcd"]
    assert [tokens.token_bytes[i] for i in tokens.segment(b"abcd")] == [b"abc", b"d"]
    assert len(tokens.segment_shortest(b"abcbcd")) == 2


def test_a_byte_without_token_is_an_error() -> None:
    """0xFF is in no text, and llguidance keeps it for control tokens."""
    tokens = vocabulary()
    for find in (tokens.segment, tokens.segment_shortest):
        with pytest.raises(KeyError):
            find(b"ab\xffab")


@given(texts, texts)
def test_the_fewest_tokens_of_two_texts_are_a_bound_for_both_together(
    left: bytes, right: bytes
) -> None:
    """Costs are added up so."""
    tokens = vocabulary()
    whole = len(tokens.segment_shortest(left + right))
    assert whole <= tokens.cost_of(left) + tokens.cost_of(right)


def test_a_control_token_is_a_mark_and_no_text() -> None:
    """No text has its bytes."""
    tokens = vocabulary()
    assert END in tokens.special_ids
    assert tokens.token_bytes[END] == special_mark(END)
    assert not tokens.is_text[END]
    assert tokens.is_text[:0xFF].all()


def test_the_text_of_a_control_token_is_marked() -> None:
    """Where it is spelled out in a text."""
    tokens = vocabulary()
    name = f"<{END}>"
    assert tokens.marked(f"a{name}b") == b"a" + special_mark(END) + b"b"
    assert tokens.segment(special_mark(END)) == [END]
    assert tokens.marked("é") == "é".encode()


@pytest.mark.parametrize(
    ("token", "keeps"),
    [
        (b"ab", True),
        (b"\xc3\xa9", True),
        (b"\xc3", False),
        (b'"', False),
        (b'\\"', True),
        (b"\\", False),
    ],
)
def test_some_tokens_keep_a_string_open(token: bytes, keeps: bool) -> None:
    """Whole characters and escapes."""
    tokens = vocabulary()
    (token_id,) = tokens.segment(token)
    assert bool(tokens.keeps_string[token_id]) is keeps
    assert bool(tokens.keeps_string_bytes[token_id]) is keeps


def test_tokens_are_found_by_their_bytes() -> None:
    """The ids are those of the tokens that have them."""
    tokens = vocabulary()
    assert {tokens.token_bytes[i] for i in tokens.with_byte(ord("}"))} == {b"}", b'"}', b'"},'}
    quoted = {tokens.token_bytes[i] for i, has in enumerate(tokens.has_quote_bytes) if has}
    assert quoted == {b'"', b'"}', b'"},', b'":', b'\\"', b'a"b"'}
