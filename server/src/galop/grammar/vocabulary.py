"""The bytes of every token of a model, and the tokens of texts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from llguidance import LLTokenizer

from galop.grammar.characters import end_of_characters

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_SIMPLE_BYTES = frozenset(b'{}[]",: \n0123456789.-')
_SIMPLE_WORDS = frozenset([b"true", b"false", b"null"])
_LONGEST_SIMPLE = 3
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
        self._longest = max(map(len, self.token_bytes))
        self._longest_common = min(self._longest, 24)
        self._tokenized: dict[bytes, tuple[int, ...]] = {b"": ()}
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

    def tokenize(self, text: bytes) -> tuple[int, ...]:
        """Longest tokens first, so that the rest of a text keeps the rest of its tokens.

        Raises KeyError where a byte has no token. Meant for few and short texts: all are kept.
        """
        known = self._tokenized.get(text)
        if known is not None:
            return known
        size = min(self._longest, len(text))
        while size > 1 and text[:size] not in self._ids:
            size -= 1
        token_ids = (self._ids[text[:size]], *self.tokenize(text[size:]))
        return self._tokenized.setdefault(text, token_ids)

    def segment(self, text: bytes) -> list[int]:
        """The same as `tokenize`, for any text: nothing is kept. Raises KeyError likewise."""
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

    def num_tokens(self, texts: Iterable[bytes]) -> int:
        """How many tokens the texts take, each by itself."""
        return sum(len(self.tokenize(text)) for text in texts)

    @cached_property
    def keeps_string(self) -> BoolArray:
        """Tokens of whole characters and escapes, which leave a string open."""
        return self._select(
            lambda token: bool(token) and end_of_characters(token) == len(token) and _is_utf8(token)
        )

    @cached_property
    def is_simple(self) -> BoolArray:
        """Short tokens of structure and numbers, and the literals: enough to end a document."""
        return self._select(
            lambda token: (
                token.strip() in _SIMPLE_WORDS
                or (0 < len(token) <= _LONGEST_SIMPLE and _SIMPLE_BYTES.issuperset(token))
            )
        )

    @cached_property
    def num_openings(self) -> IntArray:
        """How many objects and arrays each token can open at most."""
        return np.array([token.count(b"{") + token.count(b"[") for token in self.token_bytes])

    @cached_property
    def with_quote(self) -> IntArray:
        """Ids of the tokens that may end a string."""
        return np.flatnonzero(self._select(lambda token: b'"' in token))

    def with_byte(self, byte: int) -> list[int]:
        """Ids of the tokens that have this byte; kept, so meant for few different ones."""
        known = self._with_byte.get(byte)
        if known is None:
            known = [i for i, token in enumerate(self.token_bytes) if byte in token]
            self._with_byte[byte] = known
        return known

    @cached_property
    def with_quotes(self) -> IntArray:
        """Ids of those that may do more: end one string and another, or escape something before."""
        return np.flatnonzero(
            self._select(lambda token: token.count(b'"') > 1 or (b'"' in token and b"\\" in token))
        )

    @cached_property
    def by_first_quote(self) -> dict[bytes, list[int]]:
        """Ids of the tokens that may end a string, by what comes before their first quote."""
        groups: dict[bytes, list[int]] = defaultdict(list)
        for token_id in self.with_quote:
            token = self.token_bytes[token_id]
            groups[token[: token.index(b'"')]].append(int(token_id))
        return dict(groups)

    def _select(self, predicate: Callable[[bytes], bool]) -> BoolArray:
        return np.array([predicate(token) for token in self.token_bytes])


def _is_utf8(token: bytes) -> bool:
    try:
        token.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
