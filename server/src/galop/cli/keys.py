"""`galop keys`: creates, lists, changes, rotates and revokes API keys, and sets limits of groups of keys.

A running server applies the changes within a second.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Unpack

import click

from galop.cli.groups import OrderedGroup
from galop.cli.key_options import (
    KeyChanges,
    LimitChanges,
    changed_key,
    given_limits,
    key_options,
    limit_options,
)
from galop.cli.options import with_settings
from galop.cli.store import STORE_SETTINGS, opened_store
from galop.cli.tables import print_table
from galop.cli.values import key_name, time_span
from galop.config.sources import Configuration

if TYPE_CHECKING:
    from galop.accounts.keys import ApiKey
    from galop.accounts.limits import RateLimits

new_name = click.argument("name", type=key_name, help="What to call it: 1 to 64 characters.")
which_key = click.argument("which", metavar="KEY", help="The key's name, its id, or how it begins.")


@click.group(cls=OrderedGroup, short_help="Make and manage API keys.")
def keys() -> None:
    """Make and manage API keys. A running server notices changes within a second."""


@keys.command()
@new_name
@key_options
@with_settings(STORE_SETTINGS)
def create(configuration: Configuration, name: str, **changes: Unpack[KeyChanges]) -> None:
    """Make a key and print it: this is the only time it can be seen."""
    from galop.accounts.keys import ApiKey

    draft = ApiKey(id="", name=name, prefix="", digest=b"", created_s=time.time())
    with opened_store(configuration.settings) as store:
        secret_key, key = store.create_key(changed_key(draft, changes))
    _show_once(secret_key, key)


@keys.command("list", short_help="List the keys and what they may do.")
@click.option("--all", "show_all", is_flag=True, help="Revoked and expired ones as well.")
@with_settings(STORE_SETTINGS)
def list_keys(configuration: Configuration, *, show_all: bool) -> None:
    """List the keys: what they are called, how they begin, what they may do."""
    from rich.table import Table

    now_s = time.time()
    with opened_store(configuration.settings) as store:
        every_key, groups = store.read_keys()
    shown = [key for key in every_key if show_all or _state(key, now_s) == "active"]
    table = Table("name", "id", "key", "created", "state", "may", box=None, pad_edge=False)
    for key in shown:
        created = f"{datetime.fromtimestamp(key.created_s, UTC):%Y-%m-%d}"
        state = _state(key, now_s)
        table.add_row(key.name, key.id, f"{key.prefix}...", created, state, _description(key))
    if shown:
        print_table(table)
    else:
        click.echo("There are no keys. `galop keys create NAME` makes one.")
    for group in groups.values():
        click.echo(f"group {group.name}: {_limits_text(group.limits) or 'no limits'}")


@keys.command()
@which_key
@click.option("--name", type=key_name, metavar="NAME", help="A new name.")
@key_options
@with_settings(STORE_SETTINGS)
def change(
    configuration: Configuration, which: str, name: str | None, **changes: Unpack[KeyChanges]
) -> None:
    """Change what a key may do. What is not named stays as it is."""

    def changed(key: ApiKey) -> ApiKey:
        return changed_key(key if name is None else replace(key, name=name), changes)

    with opened_store(configuration.settings) as store:
        key = store.change_key(which, changed)
    click.echo(f"{key.name} ({key.id}): {_description(key)}")


@keys.command(short_help="Give a key a new secret and print it once.")
@which_key
@click.option(
    "--keep-old",
    type=time_span,
    metavar="SPAN",
    help="Let the old secret be valid for so long yet: 45m, 12h or 7d.",
)
@with_settings(STORE_SETTINGS)
def rotate(configuration: Configuration, which: str, keep_old: timedelta | None) -> None:
    """Give a key a new secret and print it once; the old one ends. Limits and usage stay."""
    until_s = None if keep_old is None else (datetime.now(UTC) + keep_old).timestamp()
    with opened_store(configuration.settings) as store:
        secret_key, key = store.rotate_key(which, keep_old_until_s=until_s)
    _show_once(secret_key, key)


@keys.command()
@which_key
@with_settings(STORE_SETTINGS)
def revoke(configuration: Configuration, which: str) -> None:
    """End a key for good. Its usage stays in the ledger."""
    with opened_store(configuration.settings) as store:
        key = store.revoke_key(which, time.time())
    click.echo(f"{key.name} ({key.id}) is revoked")


@keys.command("group")
@new_name
@limit_options
@with_settings(STORE_SETTINGS)
def set_group(configuration: Configuration, name: str, **limits: Unpack[LimitChanges]) -> None:
    """Set limits that the keys of a group share. What is not named stays as it is."""
    with opened_store(configuration.settings) as store:
        group = store.change_group(name, given_limits(limits))
    click.echo(f"group {group.name}: {_limits_text(group.limits) or 'no limits'}")


def _show_once(secret_key: str, key: ApiKey) -> None:
    # The key alone on stdout, so that scripts can take it.
    click.echo(f"{key.name} ({key.id}): {_description(key)}", err=True)
    click.echo("This is the only time the key is shown:", err=True)
    click.echo(secret_key)


def _state(key: ApiKey, now_s: float) -> str:
    if key.revoked_s is not None:
        return "revoked"
    return "expired" if key.expires_s is not None and key.expires_s <= now_s else "active"


def _description(key: ApiKey) -> str:
    """What the key may do, and until when."""
    parts = [_limits_text(key.limits) or "no limits of its own"]
    if key.group is not None:
        parts.append(f"group {key.group}")
    parts.append(f"models {', '.join(key.models)}" if key.models else "every model")
    if key.may_use_performance:
        parts.append("tier performance")
    if key.expires_s is not None:
        parts.append(f"until {_minute(key.expires_s)}")
    if key.former is not None and key.former.until_s > time.time():
        parts.append(f"old secret {key.former.prefix}... until {_minute(key.former.until_s)}")
    return "; ".join(parts)


def _minute(time_s: float) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M} UTC"


def _limits_text(limits: RateLimits) -> str:
    return ", ".join(f"{name} {limit}" for name, limit in limits.items())
