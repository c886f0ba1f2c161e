"""`galop usage`: requests and tokens per key, model and day, as a table or as CSV."""

from __future__ import annotations

import csv
import sys
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from galop.cli.options import with_settings
from galop.cli.store import STORE_SETTINGS, opened_store
from galop.cli.tables import print_table
from galop.cli.values import day
from galop.config.sources import Configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galop.accounts.usage import UsageRow

DEFAULT_NUM_DAYS = 30
_COLUMNS = (
    "day",
    "key",
    "model",
    "requests",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
)
_NUM_TEXT_COLUMNS = 3
_LAST_DAY = "9999-12-31"


@click.command()
@click.option(
    "--since",
    type=day,
    metavar="DAY",
    help=f"First day, YYYY-MM-DD. Left out: {DEFAULT_NUM_DAYS} days ago.",
)
@click.option("--until", type=day, metavar="DAY", help="Last day. Left out: today.")
@click.option("--key", metavar="KEY", help="Only this key, by name or id.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated, for programs.")
@with_settings(STORE_SETTINGS)
def usage(
    configuration: Configuration,
    since: str | None,
    until: str | None,
    key: str | None,
    *,
    as_csv: bool,
) -> None:
    """Print requests and tokens of every key, model and day (UTC).

    Prompt tokens include cached ones. A request counts when it ends: running ones are not included.
    """
    first = since or _days_ago(DEFAULT_NUM_DAYS)
    with opened_store(configuration.settings) as store:
        rows = store.read_usage(since=first, until=until or _LAST_DAY)
    rows = [row for row in rows if key is None or key in (row.key_name, row.usage.key_id)]
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(_cells(row) for row in rows)
    elif rows:
        _print_rows(rows)
    else:
        click.echo(f"Nothing was used since {first}.")


def _print_rows(rows: Sequence[UsageRow]) -> None:
    from rich.table import Table

    from galop.accounts.usage import UsageCounts

    table = Table(box=None, pad_edge=False, show_footer=True)
    total = sum((row.counts for row in rows), UsageCounts())
    footers = ("total", "", "", *(f"{count:,}" for count in astuple(total)))
    for index, (name, footer) in enumerate(zip(_COLUMNS, footers, strict=True)):
        table.add_column(
            name.replace("_", " "),
            footer=footer,
            justify="left" if index < _NUM_TEXT_COLUMNS else "right",
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, str) else f"{cell:,}" for cell in _cells(row)))
    print_table(table)


def _cells(row: UsageRow) -> tuple[str | int, ...]:
    return (row.usage.day, row.key_name, row.usage.model, *astuple(row.counts))


def _days_ago(num_days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=num_days)).date().isoformat()
