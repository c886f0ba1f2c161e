"""API keys: how they look, how they are stored, how one is checked. Pure but for randomness.

A key is `gsk_` and 52 letters and digits. The first eight are its prefix, by which people and the
server recognise it; the other 44 (262 bits) are the secret. Stored is the prefix and the
HMAC-SHA-256 of the whole key under the server's own secret (RFC 2104), so whoever has the database
alone cannot even test a guess. Compared in constant time.
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
from galop.accounts.limits import Limits, Scope

MARK = "gsk_"
PREFIX_LENGTH = len(MARK) + 8
_NUM_CHARACTERS = 52
_ALPHABET = string.ascii_letters + string.digits
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Keys that share limits."""

    name: str
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerSecret:
    """What a key was before it was rotated, valid until everybody has the new one."""

    prefix: str
    digest: bytes
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key, without the secret."""

    id: str
    """`key_` and 12 characters; stays when the key is rotated."""
    name: str
    prefix: str
    digest: bytes
    created_s: float
    """Unix seconds, as all times here."""
    expires_s: float | None = None
    revoked_s: float | None = None
    group: str | None = None
    limits: Limits = field(default_factory=Limits)
    models: tuple[str, ...] = ()
    """Ids the key may use; empty: all."""
    may_use_performance: bool = False
    """Whether it may ask for `service_tier` performance."""
    former: FormerSecret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request."""

    key_id: str
    """Empty: nobody in particular, on a server that asks for no key."""
    name: str
    scopes: tuple[Scope, ...] = ()
    """Those with limits: the key's own and its group's."""
    models: tuple[str, ...] = ()
    may_use_performance: bool = False


ANONYMOUS = Caller(key_id="", name="anonymous", may_use_performance=True)


def new_key() -> str:
    """A key that nobody has seen."""
    return MARK + "".join(secrets.choice(_ALPHABET) for _ in range(_NUM_CHARACTERS))


def new_key_id() -> str:
    """An id for a key."""
    return "key_" + "".join(secrets.choice(_ALPHABET) for _ in range(12))


def digest_of(key: str, secret: bytes) -> bytes:
    """32 bytes."""
    return hmac.digest(secret, key.encode(), hashlib.sha256)


def fingerprint_of(secret: bytes) -> str:
    """Tells two server secrets apart and nothing else about them."""
    return hmac.digest(secret, b"galop: which secret is this?", hashlib.sha256).hex()[:16]


@dataclass(frozen=True, slots=True)
class _Entry:
    key: ApiKey
    digest: bytes
    expires_s: float
    caller: Caller


class KeyRing:
    """All keys as they were when it was read, ready to check requests: a few microseconds each."""

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
        """Revoked and expired ones count: a server that has had keys is not open to everybody."""
        return self._num_keys

    def check(self, key: str, now_s: float) -> Caller:
        """Whose key this is. Raises `InvalidApiKeyError`."""
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
        scopes.append(Scope(f"key:{key.id}", key.name, key.limits))
    group = groups.get(key.group) if key.group is not None else None
    if group is not None and group.limits:
        scopes.append(Scope(f"group:{group.name}", group.name, group.limits))
    return Caller(
        key_id=key.id,
        name=key.name,
        scopes=tuple(scopes),
        models=key.models,
        may_use_performance=key.may_use_performance,
    )
