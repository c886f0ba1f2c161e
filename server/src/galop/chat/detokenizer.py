"""Bytes to text while they come: never half a character, never one too many.

Invalid bytes become U+FFFD as soon as no continuation could make them valid (Unicode standard
3.9, maximal subparts, as Python's decoder does), so decoding in pieces equals decoding at once.
"""

from __future__ import annotations

import codecs

_decoder_factory = codecs.getincrementaldecoder("utf-8")


class Detokenizer:
    """One choice's stream of bytes."""

    def __init__(self) -> None:
        self._decoder = _decoder_factory("replace")

    def feed(self, data: bytes) -> str:
        """Text that is complete now; bytes of an incomplete character are held."""
        return self._decoder.decode(data)

    def flush(self) -> str:
        """What is held, with U+FFFD for what can no longer be completed."""
        return self._decoder.decode(b"", final=True)
