"""What the options of `galop keys` do to a key."""

from __future__ import annotations

import pytest

from galop.accounts.keys import ApiKey
from galop.accounts.limits import RateLimits
from galop.cli.key_options import LIMITS, changed_key

KEY = ApiKey(
    id="key_1",
    name="bob",
    prefix="gsk_1",
    digest=b"1",
    created_s=1.0,
    expires_s=99.0,
    group="team",
    limits=RateLimits(rpm=5, tpd=100),
    models=("a",),
    may_use_performance=True,
)


def changed(**changes: object) -> ApiKey:
    nothing: dict[str, object] = dict.fromkeys(("expires", "group", "performance", *LIMITS))
    return changed_key(KEY, {**nothing, "model": (), **changes})  # type: ignore[typeddict-item]  # a test's shorthand


def test_what_is_not_named_stays() -> None:
    """All of it."""
    assert changed() == KEY


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"expires": 7.0}, "expires_s", 7.0),
        ({"expires": "never"}, "expires_s", None),
        ({"group": "others"}, "group", "others"),
        ({"group": "none"}, "group", None),
        ({"model": ("x", "y")}, "models", ("x", "y")),
        ({"model": ("x", "all")}, "models", ()),
        ({"performance": False}, "may_use_performance", False),
        ({"rpm": "none", "tpm": 9}, "limits", RateLimits(tpm=9, tpd=100)),
    ],
)
def test_one_change_changes_one_field(
    changes: dict[str, object], field: str, value: object
) -> None:
    """The words none, never and all take something away."""
    key = changed(**changes)
    assert getattr(key, field) == value
    others = [name for name in ("expires_s", "group", "models", "limits") if name != field]
    assert all(getattr(key, name) == getattr(KEY, name) for name in others)
