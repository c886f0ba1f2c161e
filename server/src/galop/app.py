"""Builds the objects of a server process and wires them: engine, models, admission, HTTP, telemetry.

Imports every room it wires; only the command line imports it.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial

from galop.accounts.ledger import Ledger
from galop.admission.admission import Admission
from galop.admission.control import AdmissionControl
from galop.backends.llama.errors import ModelFileError
from galop.backends.text import ModelText
from galop.chat import ChatModel, ChatService, ChatTemplate, ModelRegistry, RenderingPool
from galop.chat.errors import TemplateError
from galop.chat.models import entries_of
from galop.config.engine import engine_config
from galop.config.fingerprint import fingerprint
from galop.config.models import ServedModel, served_context_window
from galop.config.settings import Settings
from galop.config.sources import Configuration
from galop.http import RequestLimits, build_http_app
from galop.http.load_shedder import LoadShedder
from galop.http.routes import COMPLETION_PATHS
from galop.serving.server import Server, uvicorn_config
from galop.serving.step_polling import StepPollingSelector
from galop.telemetry import EngineState, Telemetry
from galop.workers.garbage import run_garbage_collector_less_often
from galop.workers.spawn import ENGINE_COMMAND, Spawned
from galop.workers.supervisor import EngineProcess


def run(
    configuration: Configuration,
    model: ServedModel,
    text: ModelText,
    first_engine: Spawned,
    listener: socket.socket,
    ledger: Ledger,
    on_ready: Callable[[ChatService], None],
) -> None:
    """Serves until SIGINT or SIGTERM. Calls `on_ready` once, when the engine is ready.

    `first_engine`: a process that already loads the model. Raises `ModelError` of `backends.llama`,
    `SettingError` or `EngineStartError` if the model cannot be served, and `LedgerUnavailableError` if
    the ledger cannot be read.
    """
    settings = configuration.settings
    engine = EngineProcess(
        ENGINE_COMMAND,
        engine_config(settings, model),
        crash_retries=settings.crash_retries,
        hang_timeout_s=settings.hang_timeout,
        prestarted=first_engine,
    )
    control = AdmissionControl(
        num_slots=settings.max_sequences,
        max_waiting=settings.max_waiting,
        max_waiting_tokens=settings.max_waiting_tokens,
        readiness=engine.readiness,
    )
    admission = Admission({model.name: control}, ledger)
    renderer = RenderingPool()
    context_window = served_context_window(configuration, text.training_context)
    chat_model = _chat_model(settings, model, text, engine, renderer, context_window)
    registry = ModelRegistry(
        entries_of(chat_model, created=int(time.time()), aliases=tuple(model.aliases))
    )
    service = ChatService(registry)
    selector = StepPollingSelector(lambda: engine.step_descriptor() if control.is_crowded else None)

    def announce_ready() -> None:
        on_ready(service)
        run_garbage_collector_less_often()

    async def serve() -> None:
        telemetry = _telemetry(settings, chat_model, engine)
        server = _server(settings, service, admission, engine, telemetry)
        async with telemetry, ledger, _running(engine):
            await server.serve_until_stopped(listener, engine.wait_until_ready(), announce_ready)

    with (
        closing(renderer),
        asyncio.Runner(loop_factory=partial(asyncio.SelectorEventLoop, selector)) as runner,
    ):
        renderer.start()
        runner.run(serve())


def _chat_model(
    settings: Settings,
    model: ServedModel,
    text: ModelText,
    engine: EngineProcess,
    renderer: RenderingPool,
    context_window: int,
) -> ChatModel:
    tokenizer = text.tokenizer
    try:
        template = ChatTemplate(
            text.chat_template,
            bos_token=tokenizer.bos_token,
            eos_token=tokenizer.eos_token,
            renderer=renderer,
        )
    except TemplateError as error:
        raise ModelFileError(model.path, error.reason) from error
    return ChatModel(
        model.name,
        tokenizer=tokenizer,
        template=template,
        engine=engine.client,
        context_window=context_window,
        system_fingerprint=fingerprint(settings, model),
    )


def _telemetry(settings: Settings, model: ChatModel, engine: EngineProcess) -> Telemetry:
    def engine_state() -> EngineState:
        return EngineState(
            stats=engine.stats,
            is_ready=engine.readiness() is None,
            kv_capacity_tokens=settings.max_sequences * model.context_window,
            num_restarts=engine.num_restarts,
            process_id=engine.pid,
        )

    telemetry = Telemetry(
        engine_state,
        model_name=model.name,
        otlp_endpoint=settings.otlp_endpoint,
        log_prompts=settings.log_prompts,
    )
    engine.client.on_token_gap = telemetry.metrics.token_gap
    return telemetry


def _server(
    settings: Settings,
    service: ChatService,
    admission: Admission,
    engine: EngineProcess,
    telemetry: Telemetry,
) -> Server:
    limits = RequestLimits(
        max_body_bytes=settings.max_body_bytes, request_timeout_s=settings.request_timeout
    )
    application = telemetry.around(
        build_http_app(
            service,
            admission,
            compat=settings.compat,
            limits=limits,
            cors_origins=settings.cors_origin,
            observer=telemetry,
            metrics_page=telemetry.metrics.page if settings.metrics else None,
        )
    )
    load_shedder = LoadShedder(
        admission,
        paths=() if telemetry.has_traces else COMPLETION_PATHS,  # early responses have no span
        limits=limits,
        observer=telemetry,
    )
    config = uvicorn_config(
        application, load_shedder, tls_cert=settings.tls_cert, tls_key=settings.tls_key
    )
    return Server(
        config,
        admission,
        stop_engines=engine.stop,
        drain_timeout_s=settings.drain_timeout,
        client_timeout_s=settings.client_timeout,
    )


@asynccontextmanager
async def _running(engine: EngineProcess) -> AsyncIterator[None]:
    """Launches the engine; stops it at the end of the block."""
    engine.launch()
    try:
        yield
    finally:
        await engine.stop()
