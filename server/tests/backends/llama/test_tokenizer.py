"""The tokenizer of the embedded model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galop.backends.llama.kernels import Kernels
from galop.backends.llama.library import kernels, llama
from galop.backends.llama.model import LlamaModel
from galop.backends.llama.tokenizer import LlamaTokenizer

pytestmark = pytest.mark.model


@pytest.mark.parametrize("text", ["Hello, world", "héllo ✓ 日本語 🎉", "  spaces\n\ttabs ", ""])
def test_bytes_of_the_tokens_are_the_text(tokenizer: LlamaTokenizer, text: str) -> None:
    """Nothing is added, lost or normalised."""
    pieces = (tokenizer.token_bytes(token_id) for token_id in tokenizer.encode(text))
    assert b"".join(pieces).decode() == text


def test_the_round_trip_holds_for_any_text(tokenizer: LlamaTokenizer) -> None:
    """With control tokens taken as plain text.

    Control characters and those above U+3FFFF are left out: this vocabulary has no tokens for
    some of their bytes, and llama.cpp drops what it cannot express.
    """

    @settings(max_examples=200, deadline=None)
    @given(
        st.text(st.characters(max_codepoint=0x3FFFF, exclude_categories=["Cc", "Cs"]), max_size=80)
    )
    def holds(text: str) -> None:
        token_ids = tokenizer.encode(text, parse_special=False)
        assert b"".join(map(tokenizer.token_bytes, token_ids)) == text.encode("utf-8", "replace")

    holds()


def test_control_tokens_are_recognised_only_on_request(tokenizer: LlamaTokenizer) -> None:
    """`<|im_end|>` in a template is one token; in the text of a user it can stay text."""
    assert len(tokenizer.encode("<|im_end|>")) == 1
    assert len(tokenizer.encode("<|im_end|>", parse_special=False)) > 1
    assert "<|im_end|>" in tokenizer.special_token_texts
    assert tokenizer.encode("<|im_end|>")[0] in tokenizer.end_token_ids


def test_the_pieces_are_the_same_where_no_kernels_were_built(vocabulary: LlamaModel) -> None:
    """Token by token in Python, and in one call of our library."""
    arguments = (llama.llama_token_to_piece, vocabulary.vocab, vocabulary.vocab_size)
    pieces, ends = kernels.token_pieces(*arguments)
    assert (pieces, ends) == Kernels(None, "not built").token_pieces(*arguments)
    assert len(ends) == vocabulary.vocab_size
    assert ends[-1] == len(pieces)
