"""Refuses requests that killed the engine, for an hour."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from galop.protocol.requests import GenerationRequest

QUARANTINE_S = 3600.0
"""How long requests like one that killed the engine are refused."""
MAX_QUARANTINED = 1024
"""Beyond that, the oldest entries are dropped."""


class Quarantine:
    """Requests to refuse, by a digest of prompt and constraint. Seed, budget and request id do not matter."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds, never decreasing."""
        self._clock = clock
        self._until_s: dict[bytes, float] = {}
        """Digest to the time on the clock at which the quarantine ends; the oldest entry first."""

    def add(self, request: GenerationRequest) -> None:
        """Refuse requests like this one for `QUARANTINE_S` seconds from now."""
        digest = _digest(request)
        self._until_s.pop(digest, None)
        self._until_s[digest] = self._clock() + QUARANTINE_S
        while len(self._until_s) > MAX_QUARANTINED:
            del self._until_s[next(iter(self._until_s))]

    def __contains__(self, request: GenerationRequest) -> bool:
        if not self._until_s:
            return False
        return self._until_s.get(_digest(request), 0.0) > self._clock()


def _digest(request: GenerationRequest) -> bytes:
    parts = msgspec.msgpack.encode((request.prompt_token_ids, request.constraint))
    return hashlib.blake2b(parts, digest_size=16).digest()
