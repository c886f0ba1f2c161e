"""`galop usage`: who used how much, as a table or as CSV."""

from __future__ import annotations

import csv
import sys
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from galop.cli.keys import PIPE_WIDTH, opened_store
from galop.config.sources import Configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galop.accounts.usage import UsageRow

_DEFAULT_NUM_DAYS = 30
_HEAD = ("day", "key", "model", "requests", "prompt_tokens", "cached_tokens", "completion_tokens")


def usage(
    configuration: Configuration,
    since: Annotated[
        str | None,
        typer.Option(
            help=f"First day, YYYY-MM-DD. Left out: {_DEFAULT_NUM_DAYS} days ago.",
            metavar="DAY",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Last day. Left out: today.", metavar="DAY", show_default=False),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Only this key, by name or id.", metavar="KEY", show_default=False),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated, for programs.")] = False,
) -> None:
    """Print requests and tokens of every key, model and day (UTC).

    Prompt tokens include cached ones. Requests count when they end: those that run are not in it.
    """
    first = _day(since, "--since") if since else _days_ago(_DEFAULT_NUM_DAYS)
    last = _day(until, "--until") if until else "9999-12-31"
    with opened_store(configuration) as store:
        rows = store.read_usage(since=first, until=last)
    rows = [row for row in rows if key is None or key in (row.key_name, row.usage.key_id)]
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(_HEAD)
        writer.writerows(_cells(row) for row in rows)
    elif rows:
        _print_table(rows)
    else:
        typer.echo(f"Nothing was used since {first}.")


def _print_table(rows: Sequence[UsageRow]) -> None:
    from rich.console import Console
    from rich.table import Table

    from galop.accounts.usage import Counts

    table = Table(box=None, pad_edge=False, show_footer=True)
    total = sum((row.counts for row in rows), Counts())
    footers = ("total", "", "", *(f"{count:,}" for count in astuple(total)))
    for index, (name, footer) in enumerate(zip(_HEAD, footers, strict=True)):
        table.add_column(
            name.replace("_", " "), footer=footer, justify="left" if index < 3 else "right"
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, str) else f"{cell:,}" for cell in _cells(row)))
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(highlight=False, width=width).print(table)


def _cells(row: UsageRow) -> tuple[str | int, ...]:
    return (row.usage.day, row.key_name, row.usage.model, *astuple(row.counts))


def _day(text: str, flag: str) -> str:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: YYYY-MM-DD", param_hint=flag) from None


def _days_ago(num_days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=num_days)).date().isoformat()
