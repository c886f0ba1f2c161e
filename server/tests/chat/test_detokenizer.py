"""Bytes to text while they come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galop.chat.detokenizer import Detokenizer


def test_half_a_character_waits() -> None:
    """No U+FFFD for a character whose second half is on its way."""
    detokenizer = Detokenizer()
    assert detokenizer.feed("é".encode()[:1]) == ""
    assert detokenizer.feed("é".encode()[1:]) == "é"


def test_bytes_that_can_never_be_valid_are_replaced_at_once() -> None:
    """Waiting would not help them."""
    assert Detokenizer().feed(b"a\xffb") == "a\ufffdb"


def test_an_incomplete_character_at_the_end_is_replaced() -> None:
    """The answer ended inside it."""
    detokenizer = Detokenizer()
    assert detokenizer.feed(b"a\xe2\x82") == "a"
    assert detokenizer.flush() == "\ufffd"


@given(st.lists(st.binary(max_size=6), max_size=12))
def test_pieces_decode_like_the_whole(pieces: list[bytes]) -> None:
    """For any bytes, valid or not."""
    detokenizer = Detokenizer()
    text = "".join(map(detokenizer.feed, pieces)) + detokenizer.flush()
    assert text == b"".join(pieces).decode("utf-8", "replace")
