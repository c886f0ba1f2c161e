"""What this room needs of a vocabulary: text to token ids, token ids to bytes."""

from __future__ import annotations

from typing import Protocol


class Tokenizer(Protocol):
    """One model's vocabulary. Thread safe; long prompts are encoded away from the event loop."""

    @property
    def vocab_size(self) -> int:
        """Token ids are 0 to `vocab_size - 1`."""

    @property
    def end_token_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""

    @property
    def special_token_texts(self) -> frozenset[str]:
        """Every text that `encode` makes a control token of when `parse_special` is set."""

    @property
    def bos_token(self) -> str:
        """For templates; "" where the model has none."""

    @property
    def eos_token(self) -> str:
        """For templates; "" where the model has none."""

    def encode(self, text: str, *, parse_special: bool = True) -> list[int]:
        """Token ids of `text`. Adds nothing of its own in front or behind."""

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes a token stands for, b"" for control tokens. They may end inside a character."""
