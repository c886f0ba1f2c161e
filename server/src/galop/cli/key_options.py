"""The options of `galop keys` that say what a key or a group may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Literal

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
        help="Let it ask for service_tier performance.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChanges:
    """What the command line says about a key. None: it says nothing, so nothing changes."""

    expiry: float | Literal["never"] | None
    """Unix seconds, in the future."""
    group: str | None
    """The name of a group, or `none` to leave the group."""
    models: tuple[str, ...] | None
    """Ids of models or aliases, at least one; with `all` among them, every model."""
    may_use_performance: bool | None
    """Whether the key may ask for `service_tier` performance."""
    limits: Mapping[str, int | None]
    """A name of `LIMITS` to the limit, None for no limit. Names that are not in it stay."""

    def applied_to(self, key: ApiKey) -> ApiKey:
        """The key with these changes."""
        if self.expiry is not None:
            key = replace(key, expires_s=None if self.expiry == "never" else self.expiry)
        if self.group is not None:
            key = replace(key, group=None if self.group == "none" else self.group)
        if self.models is not None:
            key = replace(key, models=() if "all" in self.models else self.models)
        if self.may_use_performance is not None:
            key = replace(key, may_use_performance=self.may_use_performance)
        return replace(key, limits=replace(key.limits, **self.limits))


def key_options(command: Callback) -> Callback:
    """Add the options of `KeyChanges`; the command takes them as `changes`."""

    @wraps(command)
    def run(
        *,
        expires: float | Literal["never"] | None,
        group: str | None,
        model: tuple[str, ...],
        performance: bool | None,
        limits: Mapping[str, int | None],
        **others: object,
    ) -> None:
        changes = KeyChanges(
            expiry=expires,
            group=group,
            models=model or None,
            may_use_performance=performance,
            limits=limits,
        )
        command(changes=changes, **others)

    decorated = limit_options(run)
    for option in reversed(_KEY_OPTIONS):
        decorated = option(decorated)
    return decorated


def limit_options(command: Callback) -> Callback:
    """Add an option for every limit; the command takes those that were given as `limits`."""

    @wraps(command)
    def run(**others: object) -> None:
        given = {name: others.pop(name) for name in LIMITS}
        limits = {
            name: None if limit == "none" else limit
            for name, limit in given.items()
            if limit is not None
        }
        command(limits=limits, **others)

    decorated: Callback = run
    for name, meaning in reversed(LIMITS.items()):
        option = click.option(
            f"--{name}",
            type=values.limit,
            metavar="N",
            help=f"Limit of {meaning}; none for no limit.",
        )
        decorated = option(decorated)
    return decorated
