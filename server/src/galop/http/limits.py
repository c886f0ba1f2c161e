"""Bounds on one request that are checked without knowing its meaning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """Bounds on size, nesting and time of a request. Bounds on single fields are in the schema."""

    max_body_bytes: int = 4 * 1024 * 1024
    """About a million tokens of text: more than any context window here."""
    request_timeout_s: float | None = None
    """Seconds from arrival to the end of the response; None for no limit."""
    max_nesting_depth: int = 64
    """Arrays and objects around one value. Messages need five levels; JSON Schemas of tools need more."""
    max_containers: int = 50_000
    """Arrays and objects in the body. A parsed one takes many times its two bytes on the wire."""
