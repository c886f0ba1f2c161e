"""The server, put together: engine process, chat service, HTTP application, listening socket."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import uvicorn

from galop import __version__
from galop.app.certificate import CertificateFiles
from galop.app.connections import ConnectionGuard
from galop.app.engine_start import ENGINE_COMMAND, engine_config
from galop.app.language import Language
from galop.app.pace import StepPacedSelector
from galop.app.protocol import HttpProtocol
from galop.app.served_model import ServedModel
from galop.app.telemetry import Telemetry
from galop.chat import ChatService
from galop.chat.request import ModelCard
from galop.http import Limits, build_http_app
from galop.http.refusal import Refuser
from galop.http.routes import COMPLETION_PATHS
from galop.ledger.ledger import Ledger
from galop.settings import Settings
from galop.telemetry import ObservedChatService
from galop.worker.garbage import spare_garbage_collector
from galop.worker.spawn import Spawned
from galop.worker.supervisor import EngineProcess

logger = logging.getLogger("galop.app")

LAST_WORDS_TIMEOUT_S = 3
"""For the errors that tell clients why their answers ended, after the drain timeout."""
_DRAIN_POLL_S = 0.05
_SEND_BUFFER_BYTES = 128 * 1024
"""What the kernel keeps for a client that does not read (Linux doubles it for its own book-keeping);
left alone it grows to megabytes, which is a whole answer that nobody reads."""


class PortTakenError(Exception):
    """Somebody listens there already, or we may not."""


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
        from galop.llama.library import kernels

        parts += [str(model.path.stat().st_size), f"own kernels: {kernels.is_active}"]
    if model.tuned is not None and model.tuned.path is not None:
        parts.append(model.tuned.digest)
    return "fp_" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


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


def listen(host: str, port: int, *, client_timeout_s: int) -> socket.socket:
    """A listening socket. Raises `PortTakenError` with one line for a person.

    What is set here is inherited by its connections (tcp(7)). A peer that vanished without a word,
    its cable pulled, is noticed when it has acknowledged nothing for `client_timeout_s`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    if sys.platform == "linux":
        idle_s = max(1, client_timeout_s // 2)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, idle_s // 3))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, client_timeout_s * 1000)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise PortTakenError(f"cannot listen on {host} port {port}: {reason}") from error
    listener.setblocking(False)
    return listener


class Server(uvicorn.Server):
    """uvicorn, but a signal ends `serve` instead of killing the process after it.

    The first SIGINT or SIGTERM lets running answers finish within `drain_timeout_s`, while new work
    is refused with a status that clients and balancers understand; what still runs then ends with
    an error that its client can read. A second signal does not wait.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        engine: EngineProcess,
        *,
        drain_timeout_s: float,
        client_timeout_s: float,
    ) -> None:
        super().__init__(config)
        config.load()
        self._certificate = _certificate_files(config)
        self._engine = engine
        self._drain_timeout_s = drain_timeout_s
        self._guard = ConnectionGuard(client_timeout_s)
        self._is_draining = False
        self._stopping: list[asyncio.Task[None]] = []

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Replaces uvicorn's, which raises the signal again when all is done."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._on_signal)
        try:
            yield
        finally:
            for each in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(each)

    async def on_tick(self, counter: int) -> bool:
        """uvicorn's, ten times a second, and in every tenth a look at the clients and at the certificate."""
        if counter % 10 == 0:
            if self._certificate is not None:
                self._certificate.look()
            self._guard.look(self.server_state.connections)  # type: ignore[arg-type]  # of HTTP/1.1 only
        return await super().on_tick(counter)

    def _on_signal(self) -> None:
        timeout_s = 0.0 if self._is_draining else self._drain_timeout_s
        self._is_draining = True
        self._stopping.append(asyncio.create_task(self._stop(timeout_s)))

    async def _stop(self, timeout_s: float) -> None:
        """Listening goes on until the work is done: a refused connection would explain nothing."""
        self._engine.drain("the server is stopping")
        deadline_s = time.monotonic() + timeout_s
        while self._engine.num_open_choices and time.monotonic() < deadline_s:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(_DRAIN_POLL_S)
        # Answers are made; those who read them slowly get what is left of the time.
        left_s = max(0.0, deadline_s - time.monotonic())
        self.config.timeout_graceful_shutdown = math.ceil(left_s) + LAST_WORDS_TIMEOUT_S
        self.should_exit = True
        await self._engine.stop()


def _certificate_files(config: uvicorn.Config) -> CertificateFiles | None:
    """None where the server speaks plain HTTP."""
    if config.ssl is None or config.ssl_certfile is None or config.ssl_keyfile is None:
        return None
    return CertificateFiles(config.ssl, Path(config.ssl_certfile), Path(config.ssl_keyfile))


@asynccontextmanager
async def running_engine(engine: EngineProcess) -> AsyncIterator[EngineProcess]:
    """Launches the engine, stops it at the end whatever happens between."""
    engine.launch()
    try:
        yield engine
    finally:
        await engine.stop()


def run(
    settings: Settings,
    model: ServedModel,
    language: Language,
    first_engine: Spawned,
    listener: socket.socket,
    ledger: Ledger,
    on_ready: Callable[[ChatService], None],
) -> None:
    """Serve until a signal says stop. `on_ready` is called once, when requests are taken.

    `first_engine` is loading the model already (`app.engine_start`).
    Raises `galop.llama.ModelError` or `EngineStartError` if the model cannot be served, and
    `LedgerUnavailableError` if the ledger cannot be read.
    """
    selector = StepPacedSelector()
    engine = engine_process(settings, model, first_engine)
    selector.pacemaker = engine.pacemaker
    with asyncio.Runner(loop_factory=partial(asyncio.SelectorEventLoop, selector)) as runner:
        runner.run(_serve(settings, model, language, engine, listener, ledger, on_ready))


async def _serve(
    settings: Settings,
    model: ServedModel,
    language: Language,
    engine: EngineProcess,
    listener: socket.socket,
    ledger: Ledger,
    on_ready: Callable[[ChatService], None],
) -> None:
    telemetry = Telemetry(settings, engine, model_name=model.name)
    service = ObservedChatService(
        telemetry.observers,
        keeps_texts=settings.log_prompts,
        engine=engine,
        tokenizer=language.tokenizer,
        template=language.template,
        models=model_cards(model, language.context_window, created=int(time.time())),
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
