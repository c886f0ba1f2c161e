"""Decodes the bytes of tokens as text, incrementally.

A character may span several tokens: its bytes are held until it is complete. Invalid bytes become U+FFFD,
one per maximal subpart (Unicode 16.0, section 3.9, "U+FFFD Substitution of Maximal Subparts"). The
result is the same as that of decoding all bytes at once.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping

from galop.chat.tokenizer import Tokenizer


class TokenTexts:
    """The bytes and texts of one model's tokens. Shared by all requests."""

    def __init__(self, tokenizer: Tokenizer, visible: Mapping[int, str] | None = None) -> None:
        """`visible`: control tokens to render as text, such as `<tool_call>`, by token id."""
        self._tokenizer = tokenizer
        self._visible = {token_id: text.encode() for token_id, text in (visible or {}).items()}

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of a token, b"" for control tokens that are not visible."""
        return self._visible.get(token_id) or self._tokenizer.token_bytes(token_id)

    def get(self, token_id: int) -> str | None:
        """The text of a token; None if it begins or ends inside a character."""
        try:
            return self.token_bytes(token_id).decode("utf-8")
        except UnicodeDecodeError:
            return None


class Detokenizer:
    """Decodes the tokens of one choice."""

    def __init__(self, texts: TokenTexts) -> None:
        self._texts = texts
        self._pending = b""

    @property
    def has_pending(self) -> bool:
        """True while bytes of an incomplete character are held."""
        return bool(self._pending)

    def add(self, token_ids: Iterable[int]) -> str:
        """The characters that these tokens complete."""
        parts = []
        for token_id in token_ids:
            text = None if self._pending else self._texts.get(token_id)
            if text is None:
                text = self._decode(self._texts.token_bytes(token_id))
            parts.append(text)
        return "".join(parts)

    def flush(self) -> str:
        """U+FFFD for an incomplete character at the end, else nothing."""
        text, self._pending = self._pending.decode("utf-8", "replace"), b""
        return text

    def _decode(self, token_bytes: bytes) -> str:
        joined = self._pending + token_bytes
        text, num_decoded = codecs.utf_8_decode(joined, "replace", False)
        self._pending = joined[num_decoded:]
        return text
