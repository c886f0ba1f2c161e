"""Rate limits: token buckets with continuous refill. Pure: the caller passes the time.

In a bucket of limit L and window W, `used` falls by L / W per second. A request for r fits if
used + r <= L; otherwise it fits after (used + r - L) / L * W seconds. The headers and the 429 text of
the Groq API follow these formulas ("Rate Limits"; captured responses agree to the millisecond):
`reset` is the time until the bucket is empty again, used / L * W.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args

LimitName = Literal["rpm", "tpm", "rpd", "tpd"]
"""Requests and tokens per minute and per day."""
LIMIT_NAMES: tuple[LimitName, ...] = get_args(LimitName)

WINDOW_S: Mapping[LimitName, float] = {"rpm": 60.0, "tpm": 60.0, "rpd": 86400.0, "tpd": 86400.0}
COUNTS_TOKENS: Mapping[LimitName, bool] = {"rpm": False, "tpm": True, "rpd": False, "tpd": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Requests and tokens per minute and per day. None: unlimited."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    tpd: int | None = None

    def items(self) -> Iterable[tuple[LimitName, int]]:
        """The limits that are set."""
        for field in LIMIT_NAMES:
            if (limit := getattr(self, field)) is not None:
                yield field, limit

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))


@dataclass(frozen=True, slots=True)
class LimitScope:
    """A key or a group with its limits."""

    id: str
    """`key:ID` or `group:NAME`."""
    name: str
    """Of the key or the group, for error messages."""
    limits: RateLimits


@dataclass(frozen=True, slots=True)
class BucketId:
    """One limit of one scope."""

    scope: str
    """`LimitScope.id`."""
    name: LimitName


@dataclass(frozen=True, slots=True)
class Bucket:
    """How much of one limit is used."""

    used: float
    """Requests or tokens, at `updated_s`; at least 0."""
    updated_s: float
    """Unix seconds."""

    def used_at(self, now_s: float, limit: int, name: LimitName) -> float:
        """`used` after the refill since `updated_s`. A clock that was set back refills nothing."""
        elapsed_s = max(0.0, now_s - self.updated_s)
        return max(0.0, self.used - elapsed_s * limit / WINDOW_S[name])

    def consumed(self, amount: float, now_s: float, limit: int, name: LimitName) -> Bucket:
        """The bucket after `amount` is consumed, or given back if it is negative."""
        return Bucket(max(0.0, self.used_at(now_s, limit, name) + amount), now_s)


Buckets = Mapping[BucketId, Bucket]
"""A missing bucket is empty."""


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """One limit as a client sees it, in requests or tokens."""

    limit: int
    remaining: int
    reset_s: float
    """Seconds until the bucket is empty."""


@dataclass(frozen=True, slots=True)
class RemainingLimits:
    """The numbers of the rate limit headers. None: unlimited."""

    requests: LimitStatus | None = None
    """Per day."""
    tokens: LimitStatus | None = None
    """Per minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceededLimit:
    """The limit that a request exceeds for the longest time. Counts are requests or tokens."""

    owner: str
    """Name of the key or the group."""
    name: LimitName
    limit: int
    used: int
    requested: int
    wait_s: float
    """Seconds until the request fits. Infinite if it is larger than the limit."""


def bucket_ids(scopes: Iterable[LimitScope]) -> list[BucketId]:
    """Every bucket of these scopes, sorted: the order in which all servers lock them."""
    ids = [BucketId(scope.id, name) for scope in scopes for name, _ in scope.limits.items()]
    return sorted(ids, key=lambda bucket: (bucket.scope, bucket.name))


def find_exceeded_limit(
    scopes: Iterable[LimitScope], buckets: Buckets, *, num_tokens: int, now_s: float
) -> ExceededLimit | None:
    """The limit that one request of `num_tokens` exceeds; None if the request fits."""
    worst: ExceededLimit | None = None
    for scope in scopes:
        for name, limit in scope.limits.items():
            requested = num_tokens if COUNTS_TOKENS[name] else 1
            bucket = buckets.get(BucketId(scope.id, name))
            used = bucket.used_at(now_s, limit, name) if bucket else 0.0
            if used + requested <= limit:
                continue
            wait_s = math.inf
            if limit > 0 and requested <= limit:
                wait_s = (used + requested - limit) / limit * WINDOW_S[name]
            exceeded = ExceededLimit(
                owner=scope.name,
                name=name,
                limit=limit,
                used=round(used),
                requested=requested,
                wait_s=wait_s,
            )
            if worst is None or exceeded.wait_s > worst.wait_s:
                worst = exceeded
    return worst


def consume(
    scopes: Iterable[LimitScope],
    buckets: Buckets,
    *,
    num_requests: float,
    num_tokens: float,
    now_s: float,
) -> dict[BucketId, Bucket]:
    """The changed buckets, after requests and tokens are consumed, or given back if negative."""
    changed = {}
    for scope in scopes:
        for name, limit in scope.limits.items():
            amount = num_tokens if COUNTS_TOKENS[name] else num_requests
            bucket_id = BucketId(scope.id, name)
            bucket = buckets.get(bucket_id, Bucket(0.0, now_s))
            changed[bucket_id] = bucket.consumed(amount, now_s, limit, name)
    return changed


def remaining_limits(
    scopes: Iterable[LimitScope], buckets: Buckets, *, now_s: float
) -> RemainingLimits:
    """What is left of each limit. Of several scopes with the same limit: the least."""
    tightest: dict[LimitName, LimitStatus] = {}
    for scope in scopes:
        for name, limit in scope.limits.items():
            bucket = buckets.get(BucketId(scope.id, name))
            used = bucket.used_at(now_s, limit, name) if bucket else 0.0
            reset_s = used / limit * WINDOW_S[name] if limit else 0.0
            # Rounded first: 6000 - 157.0000001 has 5843 left, not 5842.
            gauge = LimitStatus(limit, max(0, int(round(limit - used, 3))), reset_s)
            if name not in tightest or gauge.remaining < tightest[name].remaining:
                tightest[name] = gauge
    return RemainingLimits(requests=tightest.get("rpd"), tokens=tightest.get("tpm"))
