"""`galop tune`: shows the progress of `galop.tuning` and its result as a table."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from galop.cli.options import CONFIG_OPTION, configuration_or_exit, wrong_usage
from galop.config.models import model_source
from galop.config.settings import SettingError, default_cache_directory
from galop.host import available_cores
from galop.library.embedded import EmbeddedModelMissingError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from galop.tuning.formats import WeightFormat
    from galop.tuning.tuner import Outcome, Report


def tune(
    model: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="A GGUF file. Left out: the embedded SmolLM2-135M-Instruct. [env: GALOP_MODEL]",
        ),
    ] = None,
    formats: Annotated[
        str,
        typer.Option(
            metavar="NAME,...",
            help="Weight formats to try beside the file as shipped. Also known: F16, Q5_0, Q5_1, "
            "Q5_K_M, Q6_K.",
        ),
    ] = "Q8_0,Q4_0,IQ4_NL,Q4_K_M,BF16",
    tolerance: Annotated[
        str,
        typer.Option(
            metavar="PERCENT",
            help="How much higher than as shipped the perplexity may be.",
        ),
    ] = "1%",
    threads: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="Most threads. Left out: one per core. [env: GALOP_THREADS]"
        ),
    ] = None,
    rounds: Annotated[
        int,
        typer.Option(min=1, max=100, help="How often every format is measured, in turns."),
    ] = 4,
    allow_nondeterministic: Annotated[
        bool,
        typer.Option(
            "--allow-nondeterministic",
            help="Let formats win with which the same seed may give other words under load.",
        ),
    ] = False,
    cache_dir: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Where to keep the result and the converted file. Left out: galop in the user's "
            "cache directory. [env: GALOP_CACHE_DIR]",
        ),
    ] = None,
    config: Annotated[Path | None, CONFIG_OPTION] = None,
) -> None:
    """Find the fastest weight format and threads for this machine; `galop serve` then uses them."""
    flags = {"model": model, "threads": threads, "cache_dir": cache_dir}
    configuration = configuration_or_exit(flags, config)
    settings = configuration.settings
    try:
        source = model_source(configuration)
    except SettingError as error:
        raise wrong_usage(error) from None
    except EmbeddedModelMissingError as error:
        typer.echo(f"galop: {error}", err=True)
        raise typer.Exit(1) from None
    if source.startswith("scripted:"):
        raise typer.BadParameter("a model without weights cannot be tuned", param_hint="--model")
    allowed = _percent(tolerance)
    # As in the engine process, and before llama.cpp is loaded: what is measured must be what runs.
    from galop.workers.spawn import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)

    from rich.console import Console

    from galop.backends.llama.errors import ModelError
    from galop.tuning.errors import TuningError
    from galop.tuning.tuner import TuningRequest
    from galop.tuning.tuner import tune as run

    # Our own last line says what went wrong; llama.cpp's are for `galop serve --log-level`.
    logging.basicConfig(level=logging.CRITICAL)
    console = Console(highlight=False)
    request = TuningRequest(
        source=Path(source),
        cache_directory=(settings.cache_dir or default_cache_directory()).absolute(),
        num_threads=settings.threads or available_cores(),
        formats=_formats(formats),
        tolerance=allowed,
        needs_determinism=not allow_nondeterministic,
        num_rounds=rounds,
    )
    busy = os.getloadavg()[0]
    if busy > available_cores() / 2:
        typer.echo(f"Other programs are busy here (load {busy:.1f}): expect noise, or tune later.")
    try:
        with _ended_by_sigterm(), _progress(console) as report:
            outcome = run(request, report)
    except (TuningError, ModelError) as error:
        typer.echo(f"galop: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("galop: tuning was interrupted; nothing has changed", err=True)
        raise typer.Exit(130) from None
    _show(console, outcome)


def _formats(text: str) -> list[WeightFormat]:
    from galop.tuning.formats import FORMATS

    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            known = ", ".join(each.name for each in FORMATS.values())
            raise typer.BadParameter(f"{name!r} is not one of {known}", param_hint="--formats")
    return [FORMATS[name] for name in names]


def _percent(text: str) -> float:
    """`1%` and `1` are both one in a hundred."""
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1000:
        raise typer.BadParameter(f"{text!r} is no percentage", param_hint="--tolerance")
    return value / 100


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM cleans up like Ctrl-C."""

    def interrupt(*_: Any) -> None:  # Any: a signal number and a frame, both unused
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress(console: Console) -> Iterator[Report]:
    """A bar on a terminal; elsewhere a line per step."""
    if not console.is_terminal:

        def print_line(description: str, num_done: int, num_total: int) -> None:
            typer.echo(f"[{num_done}/{num_total}] {description}")

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


def _show(console: Console, outcome: Outcome) -> None:
    if not console.is_terminal:
        console.width = max(console.width, 100)
    console.print(_table(outcome))
    for name, reason in outcome.refusals.items():
        console.print(f"  {name}: {reason}")
    threads = ", ".join(f"{rows}: {each}" for rows, each in outcome.threads_by_rows.items())
    console.print(f"\nThreads by rows of a batch: {threads}; more rows use all.")
    console.print(
        f"Chosen: {outcome.chosen.name}. `galop serve` uses it from now on; "
        "--no-tuned serves the file as shipped."
    )
    console.print(f"Stored in {outcome.record_path}", soft_wrap=True)


def _table(outcome: Outcome) -> Table:
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
