"""Keys and the ring that checks them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from galop.accounts.errors import InvalidApiKeyError
from galop.accounts.keys import (
    PREFIX_LENGTH,
    ApiKey,
    FormerSecret,
    Group,
    KeyRing,
    digest_of,
    fingerprint_of,
    new_key,
)
from galop.accounts.limits import RateLimits

SECRET = b"s" * 32
KEY = new_key()
RECORD = ApiKey(
    id="key_1",
    name="alice",
    prefix=KEY[:PREFIX_LENGTH],
    digest=digest_of(KEY, SECRET),
    created_s=1.0,
    group="team",
    limits=RateLimits(rpm=5),
)
GROUPS = {"team": Group(name="team", limits=RateLimits(tpm=100))}


def test_a_key_has_the_format_of_the_groq_api() -> None:
    """`gsk_` and 52 letters and digits; keys differ."""
    assert re.fullmatch(r"gsk_[A-Za-z0-9]{52}", new_key())
    assert new_key() != new_key()


def test_a_key_is_recognised_with_its_limits() -> None:
    """The caller has its own limits and those of its group."""
    caller = KeyRing([RECORD], GROUPS, SECRET).check(KEY, 2.0)
    assert (caller.key_id, caller.name) == ("key_1", "alice")
    assert [(each.id, each.limits) for each in caller.scopes] == [
        ("key:key_1", RateLimits(rpm=5)),
        ("group:team", RateLimits(tpm=100)),
    ]


@pytest.mark.parametrize(
    "wrong",
    ["", "gsk_", KEY[:-1], KEY + "x", KEY.swapcase(), KEY[:PREFIX_LENGTH] + "x" * 44, "gsk_ü"],
)
def test_another_key_is_refused(wrong: str) -> None:
    """Also if its prefix is known."""
    with pytest.raises(InvalidApiKeyError):
        KeyRing([RECORD], GROUPS, SECRET).check(wrong, 2.0)


def test_another_secret_makes_another_digest() -> None:
    """Without the server's secret, a copy of the database cannot check a key."""
    with pytest.raises(InvalidApiKeyError):
        KeyRing([RECORD], GROUPS, b"t" * 32).check(KEY, 2.0)
    assert fingerprint_of(SECRET) != fingerprint_of(b"t" * 32)


def test_an_expired_or_revoked_key_is_refused() -> None:
    """From the second of its expiry, or of its revocation."""
    expiring = KeyRing([replace(RECORD, expires_s=10.0)], GROUPS, SECRET)
    assert expiring.check(KEY, 9.9).name == "alice"
    with pytest.raises(InvalidApiKeyError, match="expired"):
        expiring.check(KEY, 10.0)
    revoked = KeyRing([replace(RECORD, revoked_s=1.0)], GROUPS, SECRET)
    with pytest.raises(InvalidApiKeyError, match="revoked"):
        revoked.check(KEY, 2.0)
    assert len(revoked) == 1


def test_a_former_secret_ends_by_itself_and_with_its_key() -> None:
    """Until then it identifies the same key."""
    new = new_key()
    rotated = replace(
        RECORD,
        prefix=new[:PREFIX_LENGTH],
        digest=digest_of(new, SECRET),
        former=FormerSecret(prefix=RECORD.prefix, digest=RECORD.digest, until_s=10.0),
    )
    ring = KeyRing([rotated], GROUPS, SECRET)
    assert len(ring) == 1
    assert ring.check(KEY, 9.9) == ring.check(new, 9.9)
    assert ring.check(new, 10.0).name == "alice"
    with pytest.raises(InvalidApiKeyError, match="expired"):
        ring.check(KEY, 10.0)
    for ended in (replace(rotated, expires_s=5.0), replace(rotated, revoked_s=1.0)):
        for each in (KEY, new):
            with pytest.raises(InvalidApiKeyError, match="expired|revoked"):
                KeyRing([ended], GROUPS, SECRET).check(each, 6.0)
