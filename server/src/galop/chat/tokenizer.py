"""What the chat room asks of a vocabulary. Implemented by `llama` and by `galop.testing`."""

from __future__ import annotations

from typing import Protocol


class Tokenizer(Protocol):
    """Text to token ids and back. Thread safe."""

    @property
    def vocab_size(self) -> int: ...

    @property
    def end_token_ids(self) -> frozenset[int]: ...

    @property
    def bos_token(self) -> str:
        """Text of the beginning-of-sequence token, for templates; "" if there is none."""

    @property
    def eos_token(self) -> str:
        """Text of the end-of-sequence token, for templates."""

    @property
    def special_token_texts(self) -> frozenset[str]:
        """Texts that `encode` turns into control tokens unless told otherwise."""

    def encode(self, text: str, *, parse_special: bool = True) -> list[int]:
        """Token ids of `text`; with `parse_special` False, control tokens are plain text."""

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes a token stands for; b"" for control tokens."""
