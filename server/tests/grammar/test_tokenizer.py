"""llguidance's view of a vocabulary."""

from __future__ import annotations

from galop.grammar.tokenizer import byte_vocabulary
from galop.testing import END, ScriptedTokenizer


def test_a_byte_tokenizer_keeps_its_ids() -> None:
    """Every byte of UTF-8 is its own token; control tokens are special."""
    tokenizer = ScriptedTokenizer()
    vocabulary = byte_vocabulary(tokenizer)
    assert vocabulary.vocab_size == tokenizer.vocab_size
    for byte in range(0xFF):
        assert vocabulary.decode_bytes([byte]) == bytes([byte])
        assert not vocabulary.is_special_token(byte)
    assert all(map(vocabulary.is_special_token, range(256, tokenizer.vocab_size)))


def test_the_end_of_a_text_is_the_model_s_own() -> None:
    """The first of its end tokens."""
    assert byte_vocabulary(ScriptedTokenizer()).eos_token == END


def test_text_becomes_its_bytes() -> None:
    """As the tokenizer would encode it."""
    text = 'é{"a"'
    assert byte_vocabulary(ScriptedTokenizer()).tokenize_str(text) == ScriptedTokenizer().encode(
        text
    )
