"""The tokenizer interface of this room: text to token ids, token ids to bytes."""

from __future__ import annotations

from typing import Protocol


class Tokenizer(Protocol):
    """One model's vocabulary. Thread safe."""

    @property
    def vocab_size(self) -> int:
        """Token ids are 0 to `vocab_size - 1`."""

    @property
    def end_token_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""

    @property
    def special_token_texts(self) -> frozenset[str]:
        """The texts that `encode` turns into control tokens if `parse_special` is True."""

    @property
    def bos_token(self) -> str:
        """For chat templates; empty if the model has none."""

    @property
    def eos_token(self) -> str:
        """For chat templates; empty if the model has none."""

    def encode(self, text: str, *, parse_special: bool = True) -> list[int]:
        """Token ids of `text`, without added BOS or EOS tokens."""

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of a token, b"" for control tokens. May begin or end inside a character."""
