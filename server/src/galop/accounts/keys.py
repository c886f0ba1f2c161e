"""API keys: their format, their digests, their check. Pure except for `secrets`.

A key is `gsk_` and 52 letters and digits. `gsk_` and the first 8 are its prefix, which identifies the
key in lists and in the database; the other 44 (262 bits) are secret. The database holds the prefix and the
HMAC-SHA-256 of the whole key under the server's secret (RFC 2104): without that secret nobody can
test a guess against a copy of the database. Digests are compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from galop.accounts.errors import InvalidApiKeyError
from galop.accounts.limits import LimitScope, RateLimits

MARK = "gsk_"
"""Every key starts with it."""
PREFIX_LENGTH = len(MARK) + 8
"""Characters."""
_NUM_CHARACTERS = 52
_ALPHABET = string.ascii_letters + string.digits
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Keys that share limits."""

    name: str
    limits: RateLimits = field(default_factory=RateLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerSecret:
    """The secret of a key before its last rotation, valid for a limited time."""

    prefix: str
    digest: bytes
    """See `digest_of`."""
    until_s: float
    """Unix seconds; valid before that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key, without the secret. Times are Unix seconds."""

    id: str
    """`key_` and 12 characters; stays when the key is rotated."""
    name: str
    """Unique among the keys that are not revoked."""
    prefix: str
    digest: bytes
    """See `digest_of`."""
    created_s: float
    expires_s: float | None = None
    revoked_s: float | None = None
    group: str | None = None
    """`Group.name`."""
    limits: RateLimits = field(default_factory=RateLimits)
    models: tuple[str, ...] = ()
    """Ids of the models that the key may use; empty: all."""
    may_use_performance: bool = False
    """True: requests may name the service tier `performance`."""
    former: FormerSecret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The owner of a request, identified by its API key."""

    key_id: str
    """`ApiKey.id`; empty for the anonymous caller."""
    name: str
    scopes: tuple[LimitScope, ...] = ()
    """The key and its group, as far as they have limits."""
    models: tuple[str, ...] = ()
    """See `ApiKey.models`."""
    may_use_performance: bool = False
    """See `ApiKey.may_use_performance`."""


ANONYMOUS = Caller(key_id="", name="anonymous", may_use_performance=True)
"""The caller of a request without a key, on a server that requires none."""


def new_key() -> str:
    """A random key."""
    return MARK + "".join(secrets.choice(_ALPHABET) for _ in range(_NUM_CHARACTERS))


def new_key_id() -> str:
    """A random `ApiKey.id`."""
    return "key_" + "".join(secrets.choice(_ALPHABET) for _ in range(12))


def digest_of(key: str, secret: bytes) -> bytes:
    """HMAC-SHA-256 of a key under the server's secret, 32 bytes."""
    return hmac.digest(secret, key.encode(), hashlib.sha256)


def fingerprint_of(secret: bytes) -> str:
    """16 hexadecimal digits that identify a server secret and do not reveal it."""
    return hmac.digest(secret, b"galop: which secret is this?", hashlib.sha256).hex()[:16]


@dataclass(frozen=True, slots=True)
class _Entry:
    key: ApiKey
    digest: bytes
    expires_s: float
    """Of this digest: infinite if it does not expire."""
    caller: Caller


class KeyRing:
    """A snapshot of all keys, indexed by prefix. A check takes a few microseconds."""

    def __init__(self, keys: Iterable[ApiKey], groups: Mapping[str, Group], secret: bytes) -> None:
        self._secret = secret
        self._num_keys = 0
        self._by_prefix: dict[str, _Entry] = {}
        for key in keys:
            self._num_keys += 1
            caller = _caller(key, groups)
            expires_s = math.inf if key.expires_s is None else key.expires_s
            self._by_prefix[key.prefix] = _Entry(key, key.digest, expires_s, caller)
            if (former := key.former) is not None:
                until_s = min(expires_s, former.until_s)
                self._by_prefix[former.prefix] = _Entry(key, former.digest, until_s, caller)

    def __len__(self) -> int:
        """The number of keys, revoked and expired ones included."""
        return self._num_keys

    def check(self, key: str, now_s: float) -> Caller:
        """The caller with this key. Raises `InvalidApiKeyError`. `now_s`: Unix seconds."""
        entry = self._by_prefix.get(key[:PREFIX_LENGTH])
        digest = entry.digest if entry else _NO_DIGEST
        if not hmac.compare_digest(digest, digest_of(key, self._secret)) or entry is None:
            raise InvalidApiKeyError("no such key")
        if entry.key.revoked_s is not None:
            raise InvalidApiKeyError(f"{entry.key.id} is revoked")
        if entry.expires_s <= now_s:
            raise InvalidApiKeyError(f"{entry.key.id} has expired")
        return entry.caller


def _caller(key: ApiKey, groups: Mapping[str, Group]) -> Caller:
    scopes = []
    if key.limits:
        scopes.append(LimitScope(f"key:{key.id}", key.name, key.limits))
    group = groups.get(key.group) if key.group is not None else None
    if group is not None and group.limits:
        scopes.append(LimitScope(f"group:{group.name}", group.name, group.limits))
    return Caller(
        key_id=key.id,
        name=key.name,
        scopes=tuple(scopes),
        models=key.models,
        may_use_performance=key.may_use_performance,
    )
