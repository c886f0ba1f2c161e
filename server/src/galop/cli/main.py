"""Reads the settings, starts things, prints things.

Exit codes: 0 stopped as asked, 1 the model or the machine does not allow it, 2 wrong usage.
"""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING

import typer

from galop import __version__
from galop.cli import config, keys
from galop.cli.bench import bench
from galop.cli.doctor import doctor
from galop.cli.keys import LEDGER_SETTINGS
from galop.cli.options import with_settings, wrong_usage
from galop.cli.tune import tune
from galop.cli.usage import usage
from galop.config.settings import SettingError, Settings
from galop.config.sources import Configuration
from galop.logs import start_logging

if TYPE_CHECKING:
    from concurrent.futures import Future

    from galop.backends.text import ModelText
    from galop.chat import ChatService
    from galop.config.models import ServedModel
    from galop.workers.spawn import Spawned

logger = logging.getLogger("galop.cli")

application = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A self-hosted chat completion server: the Groq API of 2024 on your own machine.",
)


class CannotServeError(Exception):
    """Why not, in one line for a person."""


def main() -> None:
    """The entry point."""
    application()


def version() -> None:
    """Print the version."""
    typer.echo(f"galop {__version__}")


def serve(configuration: Configuration) -> None:
    """Serve a model at http://HOST:PORT/openai/v1 until Ctrl-C or SIGTERM."""
    _start_logging(configuration.settings)
    for warning in configuration.warnings:
        logger.warning("%s", warning)
    try:
        _serve(configuration)
    except SettingError as error:
        raise wrong_usage(error) from None
    except CannotServeError as error:
        typer.echo(f"galop: {error}", err=True)
        raise typer.Exit(1) from None


def _start_logging(settings: Settings) -> None:
    start_logging(settings.log_level, settings.log_format)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _serve(configuration: Configuration) -> None:
    # Imported here, so that `galop --help` and wrong usage do not wait for it.
    from galop.app.checks import check_settings
    from galop.config.models import served_model
    from galop.library.embedded import EmbeddedModelMissingError

    settings = configuration.settings
    check_settings(configuration)
    try:
        model = served_model(configuration)
    except EmbeddedModelMissingError as error:
        raise CannotServeError(str(error)) from error

    from concurrent.futures import ThreadPoolExecutor

    from galop.backends.text import open_model_text
    from galop.config.engine import engine_config
    from galop.workers.spawn import EngineNotStartedError, spawned_engine

    try:
        config = engine_config(settings, model)
        with spawned_engine(config) as engine, ThreadPoolExecutor(1) as pool:
            # The engine process and this thread read the model, while this one imports the rest.
            text = pool.submit(open_model_text, model.source)
            _serve_with(configuration, model, text, engine)
    except EngineNotStartedError as error:
        raise CannotServeError(str(error)) from error


def _serve_with(
    configuration: Configuration, model: ServedModel, text: Future[ModelText], engine: Spawned
) -> None:
    from galop.accounts.errors import LedgerUnavailableError
    from galop.accounts.ledger import Ledger
    from galop.app.server import run
    from galop.backends.llama.errors import ModelError
    from galop.cli.banner import ready_text
    from galop.cli.store import open_store
    from galop.config.reachability import check_reachability
    from galop.serving.server import PortTakenError, listen
    from galop.workers.supervisor import EngineStartError

    settings = configuration.settings

    def tell(service: ChatService) -> None:
        _announce(settings, ready_text(settings, model, service, requires_key=ledger.requires_key))

    try:
        with closing(open_store(settings)) as store:
            check_reachability(configuration, has_keys=store.has_keys())
            ledger = Ledger(store, allow_anonymous=settings.allow_anonymous)
            with listen(
                settings.host, settings.port, client_timeout_s=settings.client_timeout
            ) as listener:
                run(configuration, model, text.result(), engine, listener, ledger, tell)
    except PortTakenError as error:
        raise CannotServeError(f"{error}. Try another one with --port.") from error
    except LedgerUnavailableError as error:
        raise CannotServeError(error.reason) from error
    except (ModelError, EngineStartError) as error:
        raise CannotServeError(f"cannot load the model: {error}") from error
    except KeyboardInterrupt:
        pass


def _announce(settings: Settings, text: str) -> None:
    """To people; a collector of JSON gets the first line, in its own language."""
    if settings.log_format == "json":
        logger.info("%s", text.partition("\n")[0])
    else:
        typer.echo(text)


application.command()(with_settings(serve))
application.command()(tune)
application.command()(bench)
application.command()(with_settings(doctor))
application.add_typer(keys.application, name="keys")
application.command()(with_settings(usage, LEDGER_SETTINGS))
application.add_typer(config.application, name="config")
application.command()(version)
