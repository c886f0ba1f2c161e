"""The search for the end of a lexeme that only its compiled grammar knows.

Breadth first over single bytes, first narrow, then wider. Few of the bytes that a character class
allows are tried, and states that allow the same bytes are taken to be the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

_PREFERRED = b'"0123456.-+eE:T/Z@aAbfxz_ ,'
_OTHERS = bytes(byte for byte in range(0x20, 0x7F) if byte not in _PREFERRED + b"789")
_NUM_OTHERS = 4
"""Bytes that are tried beside the preferred ones."""
_MAX_LENGTH = 600
"""Of an ending, in bytes."""
_WIDE_LENGTH = 60
"""The same for the wider search."""
_WIDTH = 16
"""Different sets of allowed bytes that are followed at each length."""
MAX_STEPS = 3_000
"""Bytes that are tried for a whole text: 40 ms at most, once for every lexeme."""
_VOCAB_SIZE = 262
"""256 bytes and six control tokens: llguidance's `byte` vocabulary."""


def shortest_ending(matcher: LLMatcher, max_steps: int = MAX_STEPS) -> bytes | None:
    """Few bytes that make the text of `matcher` whole; None if none were found.

    The matcher must have a vocabulary of bytes. It is left as it was. Twice `max_steps` bytes are
    tried at most.
    """
    narrow = _search(matcher, num_alike=1, max_length=_MAX_LENGTH, max_steps=max_steps)
    if narrow is not None:
        return narrow
    return _search(matcher, num_alike=4, max_length=_WIDE_LENGTH, max_steps=max_steps)


def _search(matcher: LLMatcher, *, num_alike: int, max_length: int, max_steps: int) -> bytes | None:
    layer = [(matcher.deep_copy(), b"")]
    num_steps = 0
    for _ in range(max_length):
        alike: dict[bytes, int] = {}
        next_layer: list[tuple[LLMatcher, bytes]] = []
        for current, text in layer:
            if current.is_accepting():
                return text
            if current.is_stopped():
                continue
            allowed = _allowed(current)
            key = allowed.tobytes()
            alike[key] = alike.get(key, 0) + 1
            if alike[key] > num_alike or len(alike) > _WIDTH:
                continue
            for byte in _few(allowed):
                successor = current.deep_copy()
                if successor.try_consume_tokens([byte]):
                    next_layer.append((successor, text + bytes([byte])))
        num_steps += len(next_layer)
        if not next_layer or num_steps > max_steps:
            return None
        layer = next_layer
    return None


def _allowed(matcher: LLMatcher) -> npt.NDArray[np.bool_]:
    """Which bytes may come, shape (256,)."""
    bitmask = allocate_token_bitmask(1, _VOCAB_SIZE)
    fill_next_token_bitmask(matcher, bitmask)
    return np.unpackbits(bitmask[0, :8].view(np.uint8), bitorder="little").view(np.bool_)


def _few(allowed: npt.NDArray[np.bool_]) -> Iterator[int]:
    yield from (byte for byte in _PREFERRED if allowed[byte])
    others = [byte for byte in _OTHERS if allowed[byte]]
    yield from others[:_NUM_OTHERS]
    if not others and not allowed[list(_PREFERRED)].any():
        yield from (np.flatnonzero(allowed[0x80:])[:_NUM_OTHERS] + 0x80).tolist()
