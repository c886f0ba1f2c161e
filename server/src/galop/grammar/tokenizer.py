"""Vocabularies of models as llguidance's tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from llguidance import LLTokenizer, TokenizerWrapper


class ByteTokenizer(Protocol):
    """A vocabulary in which every byte has a token of its own."""

    @property
    def end_token_ids(self) -> frozenset[int]: ...

    @property
    def vocab_size(self) -> int: ...

    def encode(self, text: str, *, parse_special: bool = True) -> list[int]: ...

    def token_bytes(self, token_id: int) -> bytes: ...


def llama_vocabulary(
    raw_token_bytes: Sequence[bytes],
    *,
    vocab_address: int,
    tokenize_address: int,
    end_token_ids: frozenset[int],
) -> LLTokenizer:
    """From llama.cpp's vocabulary; tokenizes through its own function, so forced tokens are canonical.

    `raw_token_bytes` has 0xFF before the text of control tokens. The addresses are those of the
    `llama_vocab` and of `llama_tokenize`; both must stay valid as long as the result is used.
    """
    build: Any = LLTokenizer  # Any: the stubs of 1.9.1 lack `from_llamacpp`
    vocabulary: LLTokenizer = build.from_llamacpp(
        tokens=list(raw_token_bytes),
        vocab_ptr=vocab_address,
        tokenize_fptr=tokenize_address,
        eos_token=sorted(end_token_ids),
        slices=LLTokenizer.json_slices(),
    )
    return vocabulary


def byte_vocabulary(tokenizer: ByteTokenizer) -> LLTokenizer:
    """From a byte tokenizer, such as that of `ScriptedModel`."""
    return LLTokenizer(TokenizerWrapper(_ByteWrapper(tokenizer)))


class _ByteWrapper:
    """The attributes that llguidance reads."""

    bos_token_id = None

    def __init__(self, tokenizer: ByteTokenizer) -> None:
        pieces = [tokenizer.token_bytes(token_id) for token_id in range(tokenizer.vocab_size)]
        self.eos_token_id = min(tokenizer.end_token_ids)
        self.special_token_ids = [i for i, piece in enumerate(pieces) if not piece]
        self.tokens = [piece or b"\xff<%d>" % i for i, piece in enumerate(pieces)]

    def __call__(self, data: bytes) -> list[int]:
        return list(data)
