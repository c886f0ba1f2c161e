"""Requests that killed the engine, kept out for a while."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from galop.protocol.requests import GenerationRequest

QUARANTINE_S = 3600.0
MAX_QUARANTINED = 1024
"""The oldest are let go beyond that."""


class Quarantine:
    """Remembers digests of prompt and constraint: seeds and budgets may differ the next time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until_s: dict[bytes, float] = {}

    def add(self, request: GenerationRequest) -> None:
        """Keep requests like this one out for `QUARANTINE_S` seconds."""
        self._until_s[_digest(request)] = self._clock() + QUARANTINE_S
        while len(self._until_s) > MAX_QUARANTINED:
            del self._until_s[next(iter(self._until_s))]

    def __contains__(self, request: GenerationRequest) -> bool:
        if not self._until_s:
            return False
        return self._until_s.get(_digest(request), 0.0) > self._clock()


def _digest(request: GenerationRequest) -> bytes:
    parts = msgspec.msgpack.encode((request.prompt_token_ids, request.constraint))
    return hashlib.blake2b(parts, digest_size=16).digest()
