"""Usage of keys: requests and tokens per key, model and day."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class UsageKey:
    """Usage is summed per key, model and day."""

    key_id: str
    """Empty: anonymous."""
    model: str
    """Name of the model, not an alias."""
    day: str
    """YYYY-MM-DD, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCounts:
    """Numbers of requests and tokens."""

    num_requests: int = 0
    num_prompt_tokens: int = 0
    num_cached_tokens: int = 0
    """Prompt tokens that were found in the prefix cache; included in `num_prompt_tokens`."""
    num_completion_tokens: int = 0

    def __add__(self, other: UsageCounts) -> UsageCounts:
        return UsageCounts(
            num_requests=self.num_requests + other.num_requests,
            num_prompt_tokens=self.num_prompt_tokens + other.num_prompt_tokens,
            num_cached_tokens=self.num_cached_tokens + other.num_cached_tokens,
            num_completion_tokens=self.num_completion_tokens + other.num_completion_tokens,
        )


COUNT_NAMES = tuple(field.name for field in fields(UsageCounts))
"""The fields of `UsageCounts`, which are also columns of the table."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One line of `galop usage`."""

    key_name: str
    """The key's id if the key is unknown, `anonymous` if there is none."""
    usage: UsageKey
    counts: UsageCounts
