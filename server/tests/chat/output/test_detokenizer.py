"""Incremental decoding gives the same text as decoding at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galop.chat.output.detokenizer import Detokenizer, TokenTexts
from galop.testing import ScriptedTokenizer


class PieceTokenizer(ScriptedTokenizer):
    """Token i stands for piece i."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def token_bytes(self, token_id: int) -> bytes:
        return self.pieces[token_id]


broken = st.sampled_from([b"\xf0\x9f", b"\xe2\x82", b"\xc3", b"\x80", b"\xff", b"\xed\xa0", b""])
pieces = st.lists(
    st.one_of(st.binary(max_size=4), st.text(max_size=3).map(str.encode), broken), max_size=8
)


@given(pieces)
def test_incremental_decoding_equals_decoding_at_once(pieces: list[bytes]) -> None:
    """For any bytes, split anywhere."""
    texts = TokenTexts(PieceTokenizer(pieces))
    one_by_one, together = Detokenizer(texts), Detokenizer(texts)
    token_ids = range(len(pieces))
    text = "".join(one_by_one.add((token_id,)) for token_id in token_ids) + one_by_one.flush()

    assert text == b"".join(pieces).decode("utf-8", "replace")
    assert together.add(token_ids) + together.flush() == text


@given(st.text(max_size=8))
def test_only_an_incomplete_character_is_held_back(text: str) -> None:
    """After every byte, all complete characters have been returned."""
    encoded = text.encode()
    detokenizer = Detokenizer(TokenTexts(ScriptedTokenizer()))
    shown = ""
    for count, byte in enumerate(encoded, start=1):
        shown += detokenizer.add((byte,))
        assert shown == encoded[:count].decode("utf-8", "ignore")


def test_control_tokens_have_no_text() -> None:
    """Between the bytes of a character they change nothing."""
    detokenizer = Detokenizer(TokenTexts(ScriptedTokenizer()))
    assert detokenizer.add([0xC3, 256, 0xA9]) == "é"
