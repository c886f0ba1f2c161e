"""How much of a request is read before anything understands it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an operator may change. Counts of messages, stop texts and biases are in the schema."""

    max_body_bytes: int = 4 * 1024 * 1024
    """About a million tokens of text: more than any context window here."""
    request_timeout_s: float | None = None
    """The longest that a request may take. None: as long as it needs."""
    max_nesting_depth: int = 64
    """The deepest honest request has five levels; echoed fields may have a few more."""
    max_containers: int = 50_000
    """Arrays and objects. A parsed one takes many times the two bytes it has on the wire."""
