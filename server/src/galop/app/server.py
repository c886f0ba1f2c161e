"""The server, put together: engine process, chat service, HTTP application, listening socket."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import uvicorn

from galop import __version__
from galop.accounts.ledger import Ledger
from galop.backends.llama.errors import ModelFileError
from galop.backends.text import ModelText
from galop.chat import ChatService, ChatTemplate
from galop.chat.errors import TemplateError
from galop.chat.request import ModelCard
from galop.config.engine import engine_config
from galop.config.models import ServedModel, served_context_window
from galop.config.settings import Settings
from galop.config.sources import Configuration
from galop.http import Limits, build_http_app
from galop.http.refusal import Refuser
from galop.http.routes import COMPLETION_PATHS
from galop.serving.http_protocol import HttpProtocol
from galop.serving.server import Server
from galop.serving.step_polling import StepPacedSelector
from galop.telemetry import ObservedChatService
from galop.telemetry.setup import Telemetry
from galop.workers.garbage import spare_garbage_collector
from galop.workers.spawn import ENGINE_COMMAND, Spawned
from galop.workers.supervisor import EngineProcess

logger = logging.getLogger("galop.app")


def model_cards(model: ServedModel, context_window: int, created: int) -> list[ModelCard]:
    """The model first, then its aliases."""

    def card(model_id: str, alias_of: str | None) -> ModelCard:
        return ModelCard(
            id=model_id,
            created=created,
            owned_by="galop",
            context_window=context_window,
            max_completion_tokens=context_window,
            alias_of=alias_of,
        )

    aliases = [card(alias, target) for alias, target in model.aliases.items()]
    return [card(model.name, None), *aliases]


def fingerprint(settings: Settings, model: ServedModel) -> str:
    """`fp_` and 10 hexadecimal digits: changes with version, model, context, weights
    and kernels."""
    parts = [__version__, model.source, str(settings.context_window)]
    if not model.is_scripted:
        from galop.backends.llama.library import kernels

        parts += [str(model.path.stat().st_size), f"own kernels: {kernels.is_active}"]
    if model.tuned is not None and model.tuned.path is not None:
        parts.append(model.tuned.digest)
    return "fp_" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def _chat_template(model: ServedModel, text: ModelText) -> ChatTemplate:
    try:
        return ChatTemplate(
            text.chat_template,
            bos_token=text.tokenizer.bos_token,
            eos_token=text.tokenizer.eos_token,
        )
    except TemplateError as error:
        raise ModelFileError(model.path, error.reason) from error


def engine_process(settings: Settings, model: ServedModel, first: Spawned) -> EngineProcess:
    """The engine as its own process, of which the first has been spawned."""
    return EngineProcess(
        ENGINE_COMMAND,
        engine_config(settings, model),
        max_waiting=settings.max_waiting,
        max_waiting_tokens=settings.max_waiting_tokens,
        crash_retries=settings.crash_retries,
        hang_timeout_s=settings.hang_timeout,
        first=first,
    )


@asynccontextmanager
async def running_engine(engine: EngineProcess) -> AsyncIterator[EngineProcess]:
    """Launches the engine, stops it at the end whatever happens between."""
    engine.launch()
    try:
        yield engine
    finally:
        await engine.stop()


def run(
    configuration: Configuration,
    model: ServedModel,
    text: ModelText,
    first_engine: Spawned,
    listener: socket.socket,
    ledger: Ledger,
    on_ready: Callable[[ChatService], None],
) -> None:
    """Serve until a signal says stop. `on_ready` is called once, when requests are taken.

    `first_engine` is loading the model already.
    Raises `galop.backends.llama.errors.ModelError`, `SettingError` or `EngineStartError` if the model cannot be served, and
    `LedgerUnavailableError` if the ledger cannot be read.
    """
    selector = StepPacedSelector()
    engine = engine_process(configuration.settings, model, first_engine)
    selector.pacemaker = engine.pacemaker
    with asyncio.Runner(loop_factory=partial(asyncio.SelectorEventLoop, selector)) as runner:
        runner.run(_serve(configuration, model, text, engine, listener, ledger, on_ready))


async def _serve(
    configuration: Configuration,
    model: ServedModel,
    text: ModelText,
    engine: EngineProcess,
    listener: socket.socket,
    ledger: Ledger,
    on_ready: Callable[[ChatService], None],
) -> None:
    settings = configuration.settings
    context_window = served_context_window(configuration, text.training_context)
    telemetry = Telemetry(settings, engine, model_name=model.name)
    service = ObservedChatService(
        telemetry.observers,
        keeps_texts=settings.log_prompts,
        engine=engine,
        tokenizer=text.tokenizer,
        template=_chat_template(model, text),
        models=model_cards(model, context_window, created=int(time.time())),
        system_fingerprint=fingerprint(settings, model),
    )
    limits = Limits(
        max_body_bytes=settings.max_body_bytes, request_timeout_s=settings.request_timeout
    )
    application = build_http_app(
        service,
        compat=settings.compat,
        limits=limits,
        gate=ledger,
        cors_origins=settings.cors_origin,
        observer=telemetry.metrics,
        metrics_page=telemetry.metrics.page if settings.metrics else None,
    )
    refuser = Refuser(
        service,
        paths=() if telemetry.has_traces else COMPLETION_PATHS,  # a span is on the long way
        gate=ledger,
        limits=limits,
        observer=telemetry.metrics,
    )
    server = Server(
        uvicorn.Config(
            telemetry.around(application),
            http=partial(HttpProtocol, refuser=refuser),  # type: ignore[arg-type]  # it is called
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        ),
        engine,
        drain_timeout_s=settings.drain_timeout,
        client_timeout_s=settings.client_timeout,
    )
    async with telemetry, ledger, running_engine(engine):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        ready = asyncio.create_task(engine.wait_until_ready())
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done() and not serving.done():
            if ready.exception() is None:
                on_ready(service)
                spare_garbage_collector()
            else:
                server.should_exit = True
        await serving
        if ready.done():
            ready.result()
        else:
            ready.cancel()
