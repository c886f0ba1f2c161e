"""`galop keys`: make, list, change, rotate and revoke API keys, and limit groups of them.

A running server notices within a second.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from galop.cli.options import with_settings
from galop.config.sources import Configuration

if TYPE_CHECKING:
    from galop.accounts.keys import ApiKey
    from galop.accounts.limits import Limits
    from galop.accounts.store import Store

LEDGER_SETTINGS = ("state_dir", "ledger_url", "secret_file")
"""What commands that use the ledger need to know of the settings."""

application = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make and manage API keys. A running server notices changes within a second.",
)

_UNITS_S = {"m": 60, "h": 3600, "d": 86400}
_LARGEST_LIMIT = 2**53
PIPE_WIDTH = 250
"""Columns, where no terminal has a width: no line is broken."""

Name = Annotated[str, typer.Argument(help="What to call it: 1 to 64 characters.")]
Which = Annotated[str, typer.Argument(help="The key's name, its id, or how it begins.")]
Expires = Annotated[
    str | None,
    typer.Option(
        help="When it ends: 30d, 12h or 45m from now, a date (YYYY-MM-DD, UTC), or never.",
        metavar="WHEN",
        show_default=False,
    ),
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group", help="Shares this group's limits; none to leave it.", metavar="NAME"),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="A model or alias it may use, and no other; can be given several times. all: any.",
        metavar="ID",
        show_default=False,
    ),
]
Performance = Annotated[
    bool | None,
    typer.Option(
        "--performance/--no-performance",
        help="Let it ask for service_tier performance.",
        show_default=False,
    ),
]


def _limit_option(flag: str, what: str) -> object:
    return typer.Option(
        flag, help=f"Limit of {what}; none for no limit.", metavar="N", show_default=False
    )


Rpm = Annotated[str | None, _limit_option("--rpm", "requests per minute")]
Tpm = Annotated[str | None, _limit_option("--tpm", "tokens per minute, prompt and completion")]
Rpd = Annotated[str | None, _limit_option("--rpd", "requests per day")]
Tpd = Annotated[str | None, _limit_option("--tpd", "tokens per day")]


def create(
    configuration: Configuration,
    name: Name,
    expires: Expires = None,
    group: GroupOption = None,
    model: Models = None,
    performance: Performance = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    rpd: Rpd = None,
    tpd: Tpd = None,
) -> None:
    """Make a key and print it: this is the only time it can be seen."""
    from galop.accounts.keys import ApiKey

    now_s = time.time()
    draft = ApiKey(id="", name=_name(name), prefix="", digest=b"", created_s=now_s)
    draft = _changed(
        draft, expires, group, model, performance, _limits(rpm=rpm, tpm=tpm, rpd=rpd, tpd=tpd)
    )
    with opened_store(configuration) as store:
        secret_key, key = store.create_key(draft)
    _show_once(secret_key, key)


def change(
    configuration: Configuration,
    which: Which,
    name: Annotated[
        str | None, typer.Option(help="A new name.", metavar="NAME", show_default=False)
    ] = None,
    expires: Expires = None,
    group: GroupOption = None,
    model: Models = None,
    performance: Performance = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    rpd: Rpd = None,
    tpd: Tpd = None,
) -> None:
    """Change what a key may do. What is not named stays as it is."""
    limits = _limits(rpm=rpm, tpm=tpm, rpd=rpd, tpd=tpd)

    def changed(key: ApiKey) -> ApiKey:
        key = key if name is None else replace(key, name=_name(name))
        return _changed(key, expires, group, model, performance, limits)

    with opened_store(configuration) as store:
        key = store.change_key(which, changed)
    typer.echo(f"{key.name} ({key.id}): {_describe(key)}")


def revoke(configuration: Configuration, which: Which) -> None:
    """End a key for good. Its usage stays in the ledger."""
    with opened_store(configuration) as store:
        key = store.revoke_key(which, time.time())
    typer.echo(f"{key.name} ({key.id}) is revoked")


def rotate(
    configuration: Configuration,
    which: Which,
    keep_old: Annotated[
        str | None,
        typer.Option(
            help="Let the old secret be valid for so long yet: 45m, 12h or 7d.",
            metavar="SPAN",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Give a key a new secret and print it once; the old one ends. Limits and usage stay."""
    until_s = None if keep_old is None else _end_of(keep_old)
    with opened_store(configuration) as store:
        secret_key, key = store.rotate_key(which, keep_old_until_s=until_s)
    _show_once(secret_key, key)


def list_keys(
    configuration: Configuration,
    show_all: Annotated[
        bool, typer.Option("--all", help="Revoked and expired ones as well.")
    ] = False,
) -> None:
    """List the keys: what they are called, how they begin, what they may do."""
    from rich.console import Console
    from rich.table import Table

    now_s = time.time()
    with opened_store(configuration) as store:
        keys, groups = store.read_keys()
    shown = [key for key in keys if show_all or _state(key, now_s) == "active"]
    table = Table("name", "id", "key", "created", "state", "may", box=None, pad_edge=False)
    for key in shown:
        table.add_row(
            key.name,
            key.id,
            f"{key.prefix}...",
            _day(key.created_s),
            _state(key, now_s),
            _describe(key),
        )
    if shown:
        width = None if sys.stdout.isatty() else PIPE_WIDTH
        Console(highlight=False, width=width).print(table)
    else:
        typer.echo("There are no keys. `galop keys create NAME` makes one.")
    for group in groups.values():
        typer.echo(f"group {group.name}: {_limits_text(group.limits) or 'no limits'}")


def set_group(
    configuration: Configuration,
    name: Name,
    rpm: Rpm = None,
    tpm: Tpm = None,
    rpd: Rpd = None,
    tpd: Tpd = None,
) -> None:
    """Set limits that the keys of a group share. What is not named stays as it is."""
    changes = _limits(rpm=rpm, tpm=tpm, rpd=rpd, tpd=tpd)
    with opened_store(configuration) as store:
        group = store.change_group(_name(name), changes)
    typer.echo(f"group {group.name}: {_limits_text(group.limits) or 'no limits'}")


application.command("create")(with_settings(create, LEDGER_SETTINGS))
application.command("list")(with_settings(list_keys, LEDGER_SETTINGS))
application.command("change")(with_settings(change, LEDGER_SETTINGS))
application.command("rotate")(with_settings(rotate, LEDGER_SETTINGS))
application.command("revoke")(with_settings(revoke, LEDGER_SETTINGS))
application.command("group")(with_settings(set_group, LEDGER_SETTINGS))


@contextmanager
def opened_store(configuration: Configuration) -> Iterator[Store]:
    """The ledger; what is wrong with it ends the program with one line and exit code 1."""
    from galop.accounts.errors import LedgerError
    from galop.cli.store import open_store

    try:
        with closing(open_store(configuration.settings)) as store:
            yield store
    except LedgerError as error:
        typer.echo(f"galop: {error}", err=True)
        raise typer.Exit(1) from None


def _show_once(secret_key: str, key: ApiKey) -> None:
    # The key alone on stdout, so that scripts can take it.
    typer.echo(f"{key.name} ({key.id}): {_describe(key)}", err=True)
    typer.echo("This is the only time the key is shown:", err=True)
    typer.echo(secret_key)


def _changed(
    key: ApiKey,
    expires: str | None,
    group: str | None,
    models: list[str] | None,
    performance: bool | None,
    limits: dict[str, int | None],
) -> ApiKey:
    if expires is not None:
        key = replace(key, expires_s=_expiry(expires))
    if group is not None:
        key = replace(key, group=None if group == "none" else _name(group))
    if models:
        key = replace(key, models=() if "all" in models else tuple(models))
    if performance is not None:
        key = replace(key, may_use_performance=performance)
    return replace(key, limits=replace(key.limits, **limits))


def _limits(**given: str | None) -> dict[str, int | None]:
    """Those that were named; None for `none`."""
    limits: dict[str, int | None] = {}
    for name, text in given.items():
        if text == "none":
            limits[name] = None
        elif text is not None:
            if not re.fullmatch(r"[0-9]{1,16}", text) or not 1 <= int(text) <= _LARGEST_LIMIT:
                raise typer.BadParameter(
                    f"{text!r} is neither a whole number, at least 1, nor none",
                    param_hint=f"--{name}",
                )
            limits[name] = int(text)
    return limits


def _name(text: str) -> str:
    if not re.fullmatch(r"[^\x00-\x1f\x7f`]{1,64}", text) or text != text.strip():
        raise typer.BadParameter(
            f"{text!r} is no name: 1 to 64 characters, no control characters, no backticks, "
            "no spaces around it"
        )
    if text in ("none", "all"):
        raise typer.BadParameter(f"{text!r} means something else here")
    return text


def _expiry(text: str) -> float | None:
    """Unix seconds."""
    if text == "never":
        return None
    now = datetime.now(UTC)
    try:
        if (span := _span(text)) is not None:
            return (now + span).timestamp()
        expiry = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is neither 30d, 12h or 45m, nor a date YYYY-MM-DD, nor never",
            param_hint="--expires",
        ) from None
    if expiry <= now:
        raise typer.BadParameter(f"{text} is over", param_hint="--expires")
    return expiry.timestamp()


def _span(text: str) -> timedelta | None:
    match = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    return timedelta(seconds=int(match[1]) * _UNITS_S[match[2]]) if match else None


def _end_of(text: str) -> float:
    """Unix seconds, after this span."""
    span = _span(text)
    if span is None:
        raise typer.BadParameter(f"{text!r} is none of 45m, 12h, 7d", param_hint="--keep-old")
    return (datetime.now(UTC) + span).timestamp()


def _state(key: ApiKey, now_s: float) -> str:
    if key.revoked_s is not None:
        return "revoked"
    return "expired" if key.expires_s is not None and key.expires_s <= now_s else "active"


def _describe(key: ApiKey) -> str:
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


def _minute(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _limits_text(limits: Limits) -> str:
    return ", ".join(f"{name} {limit}" for name, limit in limits.items())


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
