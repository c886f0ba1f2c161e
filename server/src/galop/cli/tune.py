"""`galop tune`: runs `galop.tuning` with the options of the command line."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from galop.cli.errors import CommandFailedError, InterruptedCommandError
from galop.cli.options import with_settings
from galop.cli.tune_report import print_outcome, progress_report
from galop.cli.values import percentage
from galop.config.models import model_source
from galop.config.settings import default_cache_directory
from galop.config.sources import Configuration
from galop.host import available_cores

if TYPE_CHECKING:
    from galop.tuning.formats import WeightFormat
    from galop.tuning.tuner import TuningRequest

DEFAULT_FORMATS = "Q8_0,Q4_0,IQ4_NL,Q4_K_M,BF16"


@click.command(short_help="Find the fastest weight format and threads for this machine.")
@click.option(
    "--formats",
    default=DEFAULT_FORMATS,
    show_default=True,
    metavar="NAME,...",
    help="Weight formats to try beside the file as shipped. Also known: F16, Q5_0, Q5_1, "
    "Q5_K_M, Q6_K.",
)
@click.option(
    "--tolerance",
    type=percentage,
    default="1%",
    show_default=True,
    metavar="PERCENT",
    help="How much higher than as shipped the perplexity may be.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 100),
    default=4,
    show_default=True,
    metavar="N",
    help="How often every format is measured, in turns.",
)
@click.option(
    "--allow-nondeterministic",
    is_flag=True,
    help="Let formats win with which the same seed may give other words under load.",
)
@with_settings(
    ("model", "threads", "cache_dir"),
    descriptions={
        "model": "A GGUF file. Left out: the embedded SmolLM2-135M-Instruct.",
        "threads": "Most threads. Left out: one per core.",
        "cache_dir": "Where to keep the result and the converted file. Left out: galop in the "
        "user's cache directory.",
    },
)
def tune(
    configuration: Configuration,
    formats: str,
    tolerance: float,
    rounds: int,
    *,
    allow_nondeterministic: bool,
) -> None:
    """Find the fastest weight format and threads for this machine; `galop serve` then uses them."""
    settings = configuration.settings
    source = model_source(configuration)
    if source.startswith("scripted:"):
        raise click.BadParameter("a model without weights cannot be tuned", param_hint="--model")
    _set_engine_environment()
    from galop.tuning.tuner import TuningRequest

    request = TuningRequest(
        source=Path(source),
        cache_directory=(settings.cache_dir or default_cache_directory()).absolute(),
        num_threads=settings.threads or available_cores(),
        formats=_formats(formats),
        tolerance=tolerance,
        needs_determinism=not allow_nondeterministic,
        num_rounds=rounds,
    )
    busy = os.getloadavg()[0]
    if busy > available_cores() / 2:
        click.echo(f"Other programs are busy here (load {busy:.1f}): expect noise, or tune later.")
    _run(request)


def _set_engine_environment() -> None:
    """Sets the engine process's environment, so that measurements are valid; llama.cpp reads it once."""
    from galop.workers.spawn import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # The command prints its own error; llama.cpp's log is for `galop serve --log-level`.
    logging.basicConfig(level=logging.CRITICAL)


def _run(request: TuningRequest) -> None:
    from rich.console import Console

    from galop.backends.llama.errors import ModelError
    from galop.tuning.errors import TuningError
    from galop.tuning.tuner import tune as run

    try:
        with _ended_by_sigterm(), progress_report(Console(highlight=False)) as report:
            outcome = run(request, report)
    except (TuningError, ModelError) as error:
        raise CommandFailedError(str(error)) from None
    except KeyboardInterrupt:
        raise InterruptedCommandError("tuning was interrupted; nothing has changed") from None
    print_outcome(outcome)


def _formats(text: str) -> list[WeightFormat]:
    from galop.tuning.formats import FORMATS

    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            known = ", ".join(each.name for each in FORMATS.values())
            raise click.BadParameter(f"{name!r} is not one of {known}", param_hint="--formats")
    return [FORMATS[name] for name in names]


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt in the block, as Ctrl-C does."""

    def interrupt(*_: Any) -> None:  # Any: a signal number and a frame, both unused
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
