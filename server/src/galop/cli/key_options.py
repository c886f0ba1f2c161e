"""Options of `galop keys` for the permissions and limits of a key or a group."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypedDict

import click

from galop.cli import values
from galop.cli.options import Callback

if TYPE_CHECKING:
    from galop.accounts.keys import ApiKey

LIMITS = {
    "rpm": "requests per minute",
    "tpm": "tokens per minute, prompt and completion",
    "rpd": "requests per day",
    "tpd": "tokens per day",
}
"""Name of a limit to what it counts."""

_KEY_OPTIONS = (
    click.option(
        "--expires",
        type=values.expiry,
        metavar="WHEN",
        help="When it ends: 30d, 12h or 45m from now, a date (YYYY-MM-DD, UTC), or never.",
    ),
    click.option(
        "--group",
        type=values.group_name,
        metavar="NAME",
        help="Shares this group's limits; none to leave it.",
    ),
    click.option(
        "--model",
        multiple=True,
        metavar="ID",
        help="A model or alias it may use, and no other; can be given several times. all: any.",
    ),
    click.option(
        "--performance/--no-performance",
        default=None,
        help="Let it use service_tier performance.",
    ),
)
_LIMIT_OPTIONS = tuple(
    click.option(
        f"--{name}", type=values.limit, metavar="N", help=f"Limit of {meaning}; none for no limit."
    )
    for name, meaning in LIMITS.items()
)


class LimitChanges(TypedDict):
    """The values of `limit_options`. None: not given, so the limit stays."""

    rpm: int | Literal["none"] | None
    tpm: int | Literal["none"] | None
    rpd: int | Literal["none"] | None
    tpd: int | Literal["none"] | None


class KeyChanges(LimitChanges):
    """The values of `key_options`. None: not given, so nothing changes."""

    expires: float | Literal["never"] | None
    """Unix seconds, in the future."""
    group: str | None
    """The name of a group, or `none` to leave the group."""
    model: tuple[str, ...]
    """Ids of models or aliases; with `all` among them, every model. Empty: not given."""
    performance: bool | None
    """Whether the key may use `service_tier` performance."""


def key_options(command: Callback) -> Callback:
    """Adds the options of a key; the command takes `KeyChanges` as keyword arguments."""
    command = limit_options(command)
    for option in reversed(_KEY_OPTIONS):
        command = option(command)
    return command


def limit_options(command: Callback) -> Callback:
    """Adds an option for every limit; the command takes `LimitChanges` as keyword arguments."""
    for option in reversed(_LIMIT_OPTIONS):
        command = option(command)
    return command


def changed_key(key: ApiKey, changes: KeyChanges) -> ApiKey:
    """`key` with the changes."""
    if (expires := changes["expires"]) is not None:
        key = replace(key, expires_s=None if expires == "never" else expires)
    if (group := changes["group"]) is not None:
        key = replace(key, group=None if group == "none" else group)
    if models := changes["model"]:
        key = replace(key, models=() if "all" in models else models)
    if (may_use_performance := changes["performance"]) is not None:
        key = replace(key, may_use_performance=may_use_performance)
    return replace(key, limits=replace(key.limits, **given_limits(changes)))


def given_limits(changes: LimitChanges) -> dict[str, int | None]:
    """Name of each limit that was given to its number; None for no limit."""
    given = {name: limit for name in LIMITS if (limit := changes[name]) is not None}  # type: ignore[literal-required]
    return {name: None if limit == "none" else limit for name, limit in given.items()}
