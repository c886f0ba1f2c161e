"""What was used: counts that add up."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class UsageKey:
    """What usage is counted by."""

    key_id: str
    model: str
    day: str
    """YYYY-MM-DD, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Usage of one kind."""

    num_requests: int = 0
    num_prompt_tokens: int = 0
    num_cached_tokens: int = 0
    """Of the prompt tokens, those that were found in the cache."""
    num_completion_tokens: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            num_requests=self.num_requests + other.num_requests,
            num_prompt_tokens=self.num_prompt_tokens + other.num_prompt_tokens,
            num_cached_tokens=self.num_cached_tokens + other.num_cached_tokens,
            num_completion_tokens=self.num_completion_tokens + other.num_completion_tokens,
        )


COUNTS = tuple(field.name for field in fields(Counts))
"""The names of the counts."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One line of `galop usage`."""

    key_name: str
    usage: UsageKey
    counts: Counts
