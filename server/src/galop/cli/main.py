"""Reads flags and environment, builds `Settings`, starts things, prints things.

Exit codes: 0 stopped as asked, 1 the model or the machine does not allow it, 2 wrong usage.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from galop import __version__
from galop.cli.model import resolve_model
from galop.cli.tune import tune
from galop.settings import (
    DEFAULT_CONTEXT_WINDOW,
    DEFAULT_DRAIN_TIMEOUT_S,
    DEFAULT_HOST,
    DEFAULT_MAX_BODY_BYTES,
    DEFAULT_MAX_SEQUENCES,
    DEFAULT_MAX_WAITING,
    DEFAULT_PORT,
    DEFAULT_PREFILL_CHUNK,
    EMBEDDED_MODEL_NAME,
    PAGE_MODEL_NAMES,
    Compat,
    LogLevel,
    Settings,
    available_cores,
    default_cache_directory,
)

application = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A self-hosted chat completion server: the Groq API of 2024 on your own machine.",
)


application.command()(tune)


class CannotServeError(Exception):
    """Why not, in one line for a person."""


def main() -> None:
    """The entry point."""
    application()


@application.callback()
def _root() -> None:
    """Keeps `galop serve` a subcommand while there are few."""


@application.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"galop {__version__}")


@application.command()
def serve(
    model: Annotated[
        str | None,
        typer.Option(
            envvar="GALOP_MODEL",
            metavar="PATH",
            help="A GGUF file. Left out: the embedded SmolLM2-135M-Instruct. "
            "'scripted:TEXT' answers TEXT without any model, for tests.",
        ),
    ] = None,
    model_name: Annotated[
        str | None,
        typer.Option(
            envvar="GALOP_MODEL_NAME",
            metavar="ID",
            help="The id clients use for the model. Left out: made from the file's name.",
        ),
    ] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=MODEL",
            help="One more id for the model; can be given several times.",
        ),
    ] = None,
    default_aliases: Annotated[
        bool,
        typer.Option(
            "--default-aliases/--no-default-aliases",
            envvar="GALOP_DEFAULT_ALIASES",
            help="Let the embedded model also answer to the four model names of the 2024 page: "
            + ", ".join(PAGE_MODEL_NAMES)
            + ".",
        ),
    ] = True,
    host: Annotated[
        str, typer.Option(envvar="GALOP_HOST", help="Address to listen on.")
    ] = DEFAULT_HOST,
    port: Annotated[
        int, typer.Option(envvar="GALOP_PORT", min=1, max=65535, help="Port to listen on.")
    ] = DEFAULT_PORT,
    compat: Annotated[
        str,
        typer.Option(
            envvar="GALOP_COMPAT",
            metavar="|".join(get_args(Compat)),
            help="'groq-2024' reproduces the limits of the 2024 page: JSON mode with stream or "
            "stop is refused, n is 1, no logprobs, no logit_bias.",
        ),
    ] = "default",
    max_sequences: Annotated[
        int,
        typer.Option(
            envvar="GALOP_MAX_SEQUENCES", min=1, max=256, help="Completions in one batch."
        ),
    ] = DEFAULT_MAX_SEQUENCES,
    context_window: Annotated[
        int,
        typer.Option(
            envvar="GALOP_CONTEXT_WINDOW",
            min=256,
            help="Tokens of prompt and completion together, at most what the model was trained "
            "for. Memory is used as it fills.",
        ),
    ] = DEFAULT_CONTEXT_WINDOW,
    max_waiting: Annotated[
        int,
        typer.Option(
            envvar="GALOP_MAX_WAITING",
            min=0,
            help="Completions that may wait for a place in the batch; more get a 503.",
        ),
    ] = DEFAULT_MAX_WAITING,
    prefill_chunk: Annotated[
        int,
        typer.Option(
            envvar="GALOP_PREFILL_CHUNK",
            min=16,
            max=512,
            help="Prompt tokens per step while others generate: lower means smoother streams, "
            "higher means faster first tokens.",
        ),
    ] = DEFAULT_PREFILL_CHUNK,
    threads: Annotated[
        int | None,
        typer.Option(
            envvar="GALOP_THREADS",
            min=1,
            max=1024,
            help="Threads for large batches. Left out: one per core.",
        ),
    ] = None,
    tuned: Annotated[
        bool,
        typer.Option(
            "--tuned/--no-tuned",
            envvar="GALOP_TUNED",
            help="Serve the weights that `galop tune` found fastest, if it has been run for this "
            "model on this machine.",
        ),
    ] = True,
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="GALOP_CACHE_DIR",
            metavar="DIR",
            help="Where `galop tune` keeps its result. Left out: galop in the user's cache "
            "directory.",
        ),
    ] = None,
    max_body_bytes: Annotated[
        int,
        typer.Option(envvar="GALOP_MAX_BODY_BYTES", min=1024, help="Largest request body."),
    ] = DEFAULT_MAX_BODY_BYTES,
    drain_timeout: Annotated[
        int,
        typer.Option(
            envvar="GALOP_DRAIN_TIMEOUT",
            min=0,
            metavar="SECONDS",
            help="How long running answers may go on after SIGTERM or Ctrl-C.",
        ),
    ] = DEFAULT_DRAIN_TIMEOUT_S,
    log_level: Annotated[
        str,
        typer.Option(
            envvar="GALOP_LOG_LEVEL",
            metavar="|".join(get_args(LogLevel)),
            help="How much to log, to stderr.",
        ),
    ] = "info",
) -> None:
    """Serve a model at http://HOST:PORT/openai/v1 until Ctrl-C or SIGTERM."""
    path = resolve_model(model)
    name = model_name or (EMBEDDED_MODEL_NAME if model is None else _name_of(path))
    settings = Settings(
        model=path,
        model_name=name,
        aliases=_aliases(alias or [], name, defaults=default_aliases and model is None),
        host=host,
        port=port,
        compat=_one_of("--compat", compat, Compat),
        max_sequences=max_sequences,
        context_window=context_window,
        max_waiting=max_waiting,
        prefill_chunk=prefill_chunk,
        num_threads=threads or available_cores(),
        max_body_bytes=max_body_bytes,
        drain_timeout_s=drain_timeout,
        log_level=_one_of("--log-level", log_level, LogLevel),
    )
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    if tuned and not settings.is_scripted:
        from galop.app.tuned import find_tuned

        directory = cache_dir or default_cache_directory()
        found = find_tuned(settings.model_path, directory, settings.num_threads)
        settings = replace(settings, tuned=found)
    try:
        _serve(settings)
    except CannotServeError as error:
        typer.echo(f"galop: {error}", err=True)
        raise typer.Exit(1) from None


def _serve(settings: Settings) -> None:
    # Imported here, so that `galop --help` and wrong usage do not wait for it.
    from galop.app.server import PortTakenError, listen, serve
    from galop.cli.banner import ready_text
    from galop.llama.errors import ModelError
    from galop.worker import EngineStartError

    try:
        with listen(settings.host, settings.port) as listener:
            asyncio.run(
                serve(settings, listener, lambda service: typer.echo(ready_text(settings, service)))
            )
    except PortTakenError as error:
        raise CannotServeError(f"{error}. Try another one with --port.") from error
    except (ModelError, EngineStartError) as error:
        raise CannotServeError(f"cannot load the model: {error}") from error
    except KeyboardInterrupt:
        pass


def _name_of(path: str) -> str:
    return "scripted" if path.startswith("scripted:") else Path(path).stem.lower()


def _aliases(given: list[str], model_name: str, *, defaults: bool) -> dict[str, str]:
    """All aliases, each naming the model. Raises BadParameter on one that does not parse."""
    aliases = dict.fromkeys(PAGE_MODEL_NAMES, model_name) if defaults else {}
    for text in given:
        alias, separator, target = text.partition("=")
        if not separator or not alias or not target:
            raise typer.BadParameter(f"{text!r} is not NAME=MODEL", param_hint="--alias")
        if target != model_name and target not in aliases:
            raise typer.BadParameter(
                f"{target!r} is not served here; the model is {model_name!r}", param_hint="--alias"
            )
        if alias == model_name:
            raise typer.BadParameter(f"{alias!r} is the model itself", param_hint="--alias")
        aliases[alias] = model_name
    return aliases


def _one_of(flag: str, value: str, choices: object) -> Any:  # Any: one of `choices`, checked here
    allowed = get_args(choices)
    if value not in allowed:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(allowed)}", param_hint=flag)
    return value
