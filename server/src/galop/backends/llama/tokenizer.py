"""Text to token ids and back, by the vocabulary of a model."""

from __future__ import annotations

import ctypes
from array import array
from functools import cached_property
from typing import Any

from galop.backends.llama.library import kernels, llama
from galop.backends.llama.model import LlamaModel

_CONTROL = 1 << 3  # LLAMA_TOKEN_ATTR_CONTROL
_UNUSED = 1 << 1
_UNKNOWN = 1 << 0
_SPECIAL = _CONTROL | _UNKNOWN


class LlamaTokenizer:
    """Implements `chat.tokenizer.Tokenizer`. Thread safe."""

    def __init__(self, model: LlamaModel) -> None:
        self._model = model
        self.vocab_size = model.vocab_size
        self.end_token_ids = model.end_token_ids
        self.bos_token = self._text_of(int(llama.llama_vocab_bos(model.vocab)))
        self.eos_token = self._text_of(int(llama.llama_vocab_eos(model.vocab)))
        self._adds_bos = bool(llama.llama_vocab_get_add_bos(model.vocab))

    @cached_property
    def special_token_texts(self) -> frozenset[str]:
        """Texts that `encode(..., parse_special=True)` turns into a control token."""
        special = kernels.tokens_with(
            llama.llama_vocab_get_attr, _SPECIAL, self._model.vocab, self.vocab_size
        )
        return frozenset(text for text in map(self._text_of, special) if text)

    def encode(self, text: str, *, parse_special: bool = True) -> list[int]:
        """Token ids of `text`. Adds no beginning-of-sequence token: templates write their own."""
        encoded = text.encode("utf-8", "replace")
        capacity = len(encoded) + 8
        while True:
            tokens = (ctypes.c_int32 * capacity)()
            count = llama.llama_tokenize(
                self._model.vocab, encoded, len(encoded), tokens, capacity, False, parse_special
            )
            if count >= 0:
                return list(tokens[:count])
            capacity = -count

    @cached_property
    def _pieces(self) -> tuple[bytes, array[int]]:
        """The bytes of all tokens in one string, and their ends in it. A list of bytes objects takes ten
        times the memory."""
        return kernels.token_pieces(llama.llama_token_to_piece, self._model.vocab, self.vocab_size)

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of a token's text; b"" for control tokens."""
        pieces, ends = self._pieces
        return pieces[ends[token_id - 1] if token_id else 0 : ends[token_id]]

    def raw_token_bytes(self) -> list[bytes]:
        """The bytes of each token id, for grammars: those of a control token are 0xFF and its text."""
        texts = [self.token_bytes(token_id) for token_id in range(self.vocab_size)]
        for token_id in kernels.tokens_with(
            llama.llama_vocab_get_attr, _SPECIAL | _UNUSED, self._model.vocab, self.vocab_size
        ):
            texts[token_id] = b"\xff" + self._text_of(token_id).encode()
        return texts

    @property
    def vocab_address(self) -> int:
        """Address of the `llama_vocab`, valid as long as the model is open."""
        return _address(self._model.vocab)

    @property
    def tokenize_address(self) -> int:
        """Address of the C function `llama_tokenize`."""
        return _address(llama._lib.llama_tokenize)

    def _text_of(self, token_id: int) -> str:
        if token_id < 0:
            return ""
        text = llama.llama_vocab_get_text(self._model.vocab, token_id)
        return text.decode("utf-8", "replace") if text else ""


def _address(pointer: Any) -> int:  # Any: an int or one of several ctypes pointer types
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    assert address is not None
    return address
