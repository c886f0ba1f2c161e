"""`galop serve`: checks the settings, starts the engine process, then the server.

The engine process is started before most imports of the server: both load at the same time.
"""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING

import click

from galop.cli.checks import check_settings
from galop.cli.errors import CommandFailedError
from galop.cli.options import with_settings
from galop.config.models import served_model
from galop.config.sources import Configuration
from galop.logs import start_logging

if TYPE_CHECKING:
    from concurrent.futures import Future

    from galop.backends.text import ModelText
    from galop.chat import ChatService
    from galop.config.models import ServedModel
    from galop.config.settings import Settings
    from galop.workers.spawn import Spawned

logger = logging.getLogger("galop.cli")


@click.command(short_help="Serve a model until Ctrl-C or SIGTERM.")
@with_settings()
def serve(configuration: Configuration) -> None:
    """Serve a model at http://HOST:PORT/openai/v1 until Ctrl-C or SIGTERM."""
    settings = configuration.settings
    start_logging(settings.log_level, settings.log_format)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for warning in configuration.warnings:
        logger.warning("%s", warning)
    check_settings(configuration)
    model = served_model(configuration)

    # Imported here, so that wrong usage does not wait for it.
    from concurrent.futures import ThreadPoolExecutor

    from galop.backends.text import open_model_text
    from galop.config.engine import engine_config
    from galop.workers.spawn import EngineNotStartedError, spawned_engine

    engine_settings = engine_config(settings, model)
    try:
        with spawned_engine(engine_settings) as engine, ThreadPoolExecutor(1) as pool:
            # The engine process and the pool's thread read the model; this thread imports the rest.
            text = pool.submit(open_model_text, model.source)
            _serve_with(configuration, model, text, engine)
    except EngineNotStartedError as error:
        raise CommandFailedError(str(error)) from error


def _serve_with(
    configuration: Configuration, model: ServedModel, text: Future[ModelText], engine: Spawned
) -> None:
    from galop.accounts.errors import LedgerUnavailableError
    from galop.accounts.ledger import Ledger
    from galop.app import run
    from galop.backends.llama.errors import ModelError
    from galop.cli.banner import ready_text
    from galop.cli.store import open_store
    from galop.config.reachability import check_reachability
    from galop.serving.server import PortTakenError, listen
    from galop.workers.supervisor import EngineStartError

    settings = configuration.settings

    def announce_ready(service: ChatService) -> None:
        _announce(settings, ready_text(settings, model, service, requires_key=ledger.requires_key))

    try:
        with closing(open_store(settings)) as store:
            check_reachability(configuration, has_keys=store.has_keys())
            ledger = Ledger(store, allow_anonymous=settings.allow_anonymous)
            with listen(
                settings.host, settings.port, client_timeout_s=settings.client_timeout
            ) as listener:
                run(configuration, model, text.result(), engine, listener, ledger, announce_ready)
    except PortTakenError as error:
        raise CommandFailedError(f"{error}. Try another one with --port.") from error
    except LedgerUnavailableError as error:
        raise CommandFailedError(error.reason) from error
    except (ModelError, EngineStartError) as error:
        raise CommandFailedError(f"cannot load the model: {error}") from error
    except KeyboardInterrupt:
        pass


def _announce(settings: Settings, text: str) -> None:
    """Print the text for a person; log its first line where logs are JSON."""
    if settings.log_format == "json":
        logger.info("%s", text.partition("\n")[0])
    else:
        click.echo(text)
