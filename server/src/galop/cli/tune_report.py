"""Prints the progress and the result of `galop tune`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from galop.cli.tables import print_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from galop.tuning.tuner import ProgressCallback, TuningOutcome


@contextmanager
def progress_report(console: Console) -> Iterator[ProgressCallback]:
    """A callback that moves a bar on a terminal and prints a line per step elsewhere."""
    if not console.is_terminal:

        def print_line(description: str, num_done: int, num_total: int) -> None:
            click.echo(f"[{num_done}/{num_total}] {description}")

        yield print_line
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting")

        def move_bar(description: str, num_done: int, num_total: int) -> None:
            progress.update(task, description=description, completed=num_done, total=num_total)

        yield move_bar


def print_outcome(outcome: TuningOutcome) -> None:
    """Prints the table of formats, why some were refused, and which one `galop serve` will use."""
    print_table(_table(outcome))
    for name, reason in outcome.refusals.items():
        click.echo(f"  {name}: {reason}")
    threads = ", ".join(f"{rows}: {each}" for rows, each in outcome.threads_by_rows.items())
    click.echo(f"\nThreads by rows of a batch: {threads}; more rows use all.")
    click.echo(
        f"Chosen: {outcome.chosen.name}. `galop serve` uses it from now on; "
        "--no-tuned serves the file as shipped."
    )
    click.echo(f"Stored in {outcome.record_path}")


def _table(outcome: TuningOutcome) -> Table:
    from rich import box
    from rich.table import Table

    from galop.tuning.choice import DECODE_ROWS
    from galop.tuning.tuner import decode_ratio, prefill_ratio

    shipped = outcome.candidates[0]
    table = Table(
        box=box.ASCII2,
        caption=f"times as fast as shipped ({outcome.shipped_format}); decode by rows of a batch; "
        "score: machine time of a request of 256 + 128 tokens",
        caption_justify="left",
    )
    table.add_column("format", no_wrap=True)
    for heading in ("MB", "prefill", *(f"x{rows}" for rows in DECODE_ROWS), "score", "perplexity"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("same bits", no_wrap=True)
    for each in outcome.candidates:
        mark = "> " if each is outcome.chosen else "  "
        table.add_row(
            mark + each.name,
            f"{each.size_bytes / 1e6:.0f}",
            f"{prefill_ratio(each, shipped):.2f}",
            *(f"{decode_ratio(each, shipped, rows):.2f}" for rows in DECODE_ROWS),
            f"{each.score(shipped):.2f}",
            f"{each.added_perplexity(shipped):+.1%}",
            "yes" if each.is_deterministic else "no",
        )
    return table
