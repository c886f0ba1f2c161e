"""Rate limits: token buckets with continuous refill. Pure: time is handed in.

A bucket of limit L and window W loses `used` at L / W per second. A request that asks for r fits if
used + r <= L; otherwise it must wait (used + r - L) / L * W seconds. These are the numbers behind
the headers and the 429 text of the Groq API ("Rate Limits", and the captures in which they agree to
the millisecond): `reset` is the time until the bucket is empty again, used / L * W.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args

LimitName = Literal["rpm", "tpm", "rpd", "tpd"]
"""Requests and tokens per minute and per day."""
LIMIT_NAMES: tuple[LimitName, ...] = get_args(LimitName)

WINDOW_S: Mapping[LimitName, float] = {"rpm": 60.0, "tpm": 60.0, "rpd": 86400.0, "tpd": 86400.0}
COUNTS_TOKENS: Mapping[LimitName, bool] = {"rpm": False, "tpm": True, "rpd": False, "tpd": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None is no limit."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    tpd: int | None = None

    def items(self) -> Iterable[tuple[LimitName, int]]:
        """Those that are set."""
        for field in LIMIT_NAMES:
            if (limit := getattr(self, field)) is not None:
                yield field, limit

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose limits: `key:ID` or `group:NAME`, and what they are called in messages."""

    id: str
    name: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class BucketId:
    """One limit of one scope."""

    scope: str
    name: LimitName


@dataclass(frozen=True, slots=True)
class Bucket:
    """`used` as of `updated_s`."""

    used: float
    updated_s: float

    def used_at(self, now_s: float, limit: int, name: LimitName) -> float:
        """What is left of `used` after the refill since then. A clock that went back refills nothing."""
        elapsed_s = max(0.0, now_s - self.updated_s)
        return max(0.0, self.used - elapsed_s * limit / WINDOW_S[name])

    def changed(self, amount: float, now_s: float, limit: int, name: LimitName) -> Bucket:
        """After taking `amount`, or giving it back where it is negative."""
        return Bucket(max(0.0, self.used_at(now_s, limit, name) + amount), now_s)


Buckets = Mapping[BucketId, Bucket]
"""A bucket that is not there is empty."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One limit as a client sees it."""

    limit: int
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rate limit headers tell: requests per day and tokens per minute, where limited."""

    requests: Gauge | None = None
    tokens: Gauge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request does not fit: the limit that takes longest to have room."""

    owner: str
    name: LimitName
    limit: int
    used: int
    requested: int
    wait_s: float | None
    """None: it never will, the request is larger than the limit."""


def bucket_ids(scopes: Iterable[Scope]) -> list[BucketId]:
    """Every bucket of these scopes, in an order that is the same for everybody who locks them."""
    ids = [BucketId(scope.id, name) for scope in scopes for name, _ in scope.limits.items()]
    return sorted(ids, key=lambda bucket: (bucket.scope, bucket.name))


def find_refusal(
    scopes: Iterable[Scope], buckets: Buckets, *, num_tokens: int, now_s: float
) -> Refusal | None:
    """Why one request of `num_tokens` does not fit, None if it does."""
    worst: Refusal | None = None
    for scope in scopes:
        for name, limit in scope.limits.items():
            requested = num_tokens if COUNTS_TOKENS[name] else 1
            bucket = buckets.get(BucketId(scope.id, name))
            used = bucket.used_at(now_s, limit, name) if bucket else 0.0
            if used + requested <= limit:
                continue
            wait_s = (used + requested - limit) / limit * WINDOW_S[name] if limit else None
            refusal = Refusal(
                owner=scope.name,
                name=name,
                limit=limit,
                used=round(used),
                requested=requested,
                wait_s=wait_s if requested <= limit else None,
            )
            if worst is None or _wait(refusal) > _wait(worst):
                worst = refusal
    return worst


def _wait(refusal: Refusal) -> float:
    return float("inf") if refusal.wait_s is None else refusal.wait_s


def take(
    scopes: Iterable[Scope],
    buckets: Buckets,
    *,
    num_requests: float,
    num_tokens: float,
    now_s: float,
) -> dict[BucketId, Bucket]:
    """The buckets after taking (or, where negative, giving back) requests and tokens."""
    changed = {}
    for scope in scopes:
        for name, limit in scope.limits.items():
            amount = num_tokens if COUNTS_TOKENS[name] else num_requests
            bucket_id = BucketId(scope.id, name)
            bucket = buckets.get(bucket_id, Bucket(0.0, now_s))
            changed[bucket_id] = bucket.changed(amount, now_s, limit, name)
    return changed


def standing(scopes: Iterable[Scope], buckets: Buckets, *, now_s: float) -> Standing:
    """The headers' numbers; where several scopes have the limit, of the one with least left."""
    tightest: dict[LimitName, Gauge] = {}
    for scope in scopes:
        for name, limit in scope.limits.items():
            bucket = buckets.get(BucketId(scope.id, name))
            used = bucket.used_at(now_s, limit, name) if bucket else 0.0
            reset_s = used / limit * WINDOW_S[name] if limit else 0.0
            # Rounded first: 6000 - 157.0000001 has 5843 left, not 5842.
            gauge = Gauge(limit, max(0, int(round(limit - used, 3))), reset_s)
            if name not in tightest or gauge.remaining < tightest[name].remaining:
                tightest[name] = gauge
    return Standing(requests=tightest.get("rpd"), tokens=tightest.get("tpm"))
