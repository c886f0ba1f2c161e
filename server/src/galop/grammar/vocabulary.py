"""The bytes of every token of a model, and the tokens of texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from llguidance import LLTokenizer

from galop.grammar.characters import end_of_characters

BoolArray = npt.NDArray[np.bool_]

_NUM_COSTS_KEPT = 1 << 16


def special_mark(token_id: int) -> bytes:
    """What stands for a control token among bytes: no text has 0xFF in it."""
    return b"\xff[%d]" % token_id


class Vocabulary:
    """One tokenizer's tokens. Built once per model: 0.1 s for 50,000 tokens."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self.tokenizer = tokenizer
        self.size = tokenizer.vocab_size
        self.special_ids = [i for i in range(self.size) if tokenizer.is_special_token(i)]
        self.end_ids = list(tokenizer.eos_tokens)
        self.token_bytes = [tokenizer.decode_bytes([token_id]) for token_id in range(self.size)]
        self._specials = {self.token_bytes[token_id]: token_id for token_id in self.special_ids}
        for token_id in self.special_ids:
            self.token_bytes[token_id] = special_mark(token_id)
        self._with_byte: dict[int, list[int]] = {}
        self._ids: dict[bytes, int] = {}
        for token_id, token in enumerate(self.token_bytes):
            self._ids.setdefault(token, token_id)
        self._longest_common = min(max(map(len, self.token_bytes)), 24)
        self.cost_of = lru_cache(maxsize=_NUM_COSTS_KEPT)(lambda text: len(self.segment(text)))
        """How many tokens a text takes."""

    def marked(self, text: str) -> bytes:
        """The text with every control token's text replaced by its mark."""
        names = sorted(filter(None, self._specials), key=len, reverse=True)
        if not names:
            return text.encode()
        pattern = b"|".join(map(re.escape, names))
        return re.sub(pattern, lambda m: special_mark(self._specials[m[0]]), text.encode())

    @cached_property
    def is_text(self) -> BoolArray:
        """Tokens that are not control tokens."""
        found = np.ones(self.size, dtype=np.bool_)
        found[self.special_ids] = False
        return found

    def segment(self, text: bytes) -> list[int]:
        """The tokens of a text, the longest first. Raises KeyError where a byte has no token."""
        token_ids = []
        ids, longest = self._ids, self._longest_common
        start, end = 0, len(text)
        while start < end:
            size = min(longest, end - start)
            while (token_id := ids.get(text[start : start + size])) is None or not size:
                size -= 1
                if not size:
                    raise KeyError(text[start : start + 1])
            token_ids.append(token_id)
            start += size
        return token_ids

    def segment_shortest(self, text: bytes) -> list[int]:
        """The fewest tokens that make up the text. Raises KeyError where a byte has no token."""
        best: list[tuple[int, int, int]] = [(0, -1, -1)]  # tokens up to here, the last, its start
        for end in range(1, len(text) + 1):
            found = (len(text) + 1, -1, -1)
            for start in range(max(0, end - self._longest_common), end):
                token_id = self._ids.get(text[start:end])
                if token_id is not None and best[start][0] + 1 < found[0]:
                    found = (best[start][0] + 1, token_id, start)
            best.append(found)
        if best[-1][0] > len(text):
            raise KeyError(text)
        token_ids = []
        end = len(text)
        while end:
            _, token_id, end = best[end]
            token_ids.append(token_id)
        return token_ids[::-1]

    @cached_property
    def keeps_string_bytes(self) -> bytes:
        """`keeps_string`, faster to ask for a single token."""
        return self.keeps_string.tobytes()

    @cached_property
    def has_quote_bytes(self) -> bytes:
        """For every token 1 if it has a quote, else 0: it cannot end a string."""
        return bytes(b'"' in token for token in self.token_bytes)

    @cached_property
    def keeps_string(self) -> BoolArray:
        """Tokens of whole characters and escapes, which leave a string open."""
        return self._select(
            lambda token: bool(token) and end_of_characters(token) == len(token) and _is_utf8(token)
        )

    def with_byte(self, byte: int) -> list[int]:
        """Ids of the tokens that have this byte; kept, so meant for few different ones."""
        known = self._with_byte.get(byte)
        if known is None:
            known = [i for i, token in enumerate(self.token_bytes) if byte in token]
            self._with_byte[byte] = known
        return known

    def _select(self, predicate: Callable[[bytes], bool]) -> BoolArray:
        return np.array([predicate(token) for token in self.token_bytes])


def _is_utf8(token: bytes) -> bool:
    try:
        token.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
