"""A scripted chat service behind the real application, reached by hand or through a socket."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Message

from galop.admission.admission import Admission
from galop.admission.control import AdmissionControl
from galop.admission.policy import AdmissionPolicy
from galop.chat import ChatModel, Meter, ModelRegistry, PreparedRequest
from galop.chat.events import ChoiceFinished, CompletionEvent, ContentDelta, Started, Usage
from galop.chat.output.spec import OutputSpec
from galop.chat.request import ChatRequest
from galop.http import RequestLimits, build_http_app
from galop.protocol.literals import Compat
from server.tests.entries import entry

CHAT = "/openai/v1/chat/completions"
BODY = {"model": "plain", "messages": [{"role": "user", "content": "Hi"}]}


class Forever:
    """A step of a script that never ends."""


Step = CompletionEvent | Exception | Forever

USAGE = Usage(
    queue_time_s=0.25,
    prompt_tokens=12,
    prompt_time_s=0.5,
    completion_tokens=3,
    completion_time_s=1.0,
    cached_tokens=0,
)


class ScriptedChatService:
    """A `galop.http.ChatService` that plays `script` to every request and remembers it."""

    def __init__(self) -> None:
        self.models = ModelRegistry(
            [entry("vendor/model-1"), entry("plain", alias_of="vendor/model-1")]
        )
        self.reset()

    def reset(self) -> None:
        """Back to a service that says Hello."""
        self.script: list[Step] = [
            Started(),
            ContentDelta(0, "Hel"),
            ContentDelta(0, "lo"),
            ChoiceFinished(0, "stop"),
            USAGE,
        ]
        self.requests: list[ChatRequest] = []
        self.unreadiness: str | None = None
        self.refusal: Exception | None = None
        self.num_played = 0
        self.is_waiting = threading.Event()
        self.is_closed = threading.Event()

    async def prepare(self, request: ChatRequest, model: ChatModel) -> PreparedRequest:
        self.requests.append(request)
        return PreparedRequest(
            request=request,
            model=model,
            prompt_token_ids=[0] * USAGE.prompt_tokens,
            max_tokens=1000,
            output=OutputSpec(),
            constraint=None,
        )

    async def run(
        self, prepared: PreparedRequest, meter: Meter | None = None
    ) -> AsyncGenerator[CompletionEvent, None]:
        unfinished = set(range(prepared.request.num_choices))
        try:
            for step in self.script:
                self.num_played += 1
                if isinstance(step, Forever):
                    self.is_waiting.set()
                    await asyncio.Event().wait()
                elif isinstance(step, Exception):
                    raise step
                else:
                    if isinstance(step, ChoiceFinished):
                        unfinished.discard(step.choice_index)
                    elif isinstance(step, Usage):  # choices the script forgot
                        for index in unfinished:
                            yield ChoiceFinished(index, "stop")
                    yield step
        finally:
            self.is_closed.set()


class ScriptedControl(AdmissionControl):
    """Refuses with the service's `refusal`, if it has one; is as ready as the service."""

    def __init__(self, service: ScriptedChatService) -> None:
        super().__init__(num_slots=16, readiness=lambda: service.unreadiness)
        self._service = service

    def check_capacity(self, key_id: str, num_choices: int = 1) -> None:
        if self._service.refusal is not None:
            raise self._service.refusal
        super().check_capacity(key_id, num_choices)


def admission_of(service: ScriptedChatService, policy: AdmissionPolicy | None = None) -> Admission:
    """In front of a scripted service."""
    return Admission({"vendor/model-1": ScriptedControl(service)}, policy)


@dataclass(frozen=True)
class Answer:
    """What an application sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json()["error"]


class Caller:
    """Calls an application without a socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def post(
        self,
        body: object = None,
        *,
        path: str = "/openai/v1/chat/completions",
        headers: Mapping[str, str] | None = None,
        **parameters: object,
    ) -> Answer:
        """Posts `body` (bytes as they are; otherwise JSON) or the smallest request and `parameters`."""
        if body is None:
            body = {**BODY, **parameters}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.run(self._call("POST", path, raw, headers or {}))

    def get(self, path: str) -> Answer:
        return asyncio.run(self._call("GET", path, b"", {}))

    async def _call(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        messages: list[Message] = []
        requests = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if requests:
                return requests.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            messages.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "server": ("testserver", 80),
        }
        await self._app(scope, receive, send)
        return Answer(
            status=messages[0]["status"],
            headers={k.decode(): v.decode() for k, v in messages[0]["headers"]},
            body=b"".join(message.get("body", b"") for message in messages[1:]),
        )


class LiveServer:
    """An application behind uvicorn on a loopback port, in a thread of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        config = uvicorn.Config(
            app, log_config=None, access_log=False, ws="none", lifespan="off", server_header=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()

    def connect(self) -> socket.socket:
        """A raw connection with a timeout of five seconds."""
        return socket.create_connection(self.address, timeout=5)


def require_envelope(response: httpx.Response, status: int, code: str | None) -> Any:
    """The error of a response, once everything that all errors share is checked."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert re.fullmatch(r"req_[0-9a-z]{26}", response.headers["x-request-id"])
    assert response.content.endswith(b"}\n")
    body = response.json()
    assert list(body) == ["error"]
    error = body["error"]
    assert None not in error.values()
    assert error["message"]
    kind = "internal_server_error" if status >= 500 else "invalid_request_error"
    assert error["type"] == kind
    assert error.get("code") == code
    return error


@pytest.fixture
def smallest_body() -> dict[str, Any]:
    """The smallest valid request."""
    return json.loads(json.dumps(BODY))  # type: ignore[no-any-return]  # JSON is Any


@pytest.fixture
def usage() -> Usage:
    """The usage at the end of the default script."""
    return USAGE


@pytest.fixture
def forever() -> Step:
    """A step that never ends."""
    return Forever()


@pytest.fixture
def service() -> ScriptedChatService:
    """The service behind `caller`."""
    return ScriptedChatService()


@pytest.fixture
def make_caller(service: ScriptedChatService) -> Callable[..., Caller]:
    """Builds the application around `service`, with a profile and limits."""

    def make(
        compat: Compat = "default",
        limits: RequestLimits | None = None,
        metrics_page: Callable[[str], tuple[bytes, str]] | None = None,
        cors_origins: Sequence[str] = (),
    ) -> Caller:
        app = build_http_app(
            service,
            admission_of(service),
            compat=compat,
            limits=limits,
            metrics_page=metrics_page,
            cors_origins=cors_origins,
        )
        return Caller(app)

    return make


@pytest.fixture
def caller(make_caller: Callable[..., Caller]) -> Caller:
    """The application with its defaults."""
    return make_caller()


@pytest.fixture
def caller_2024(make_caller: Callable[..., Caller]) -> Caller:
    """The application in the profile groq-2024."""
    return make_caller("groq-2024")


@pytest.fixture(scope="session")
def _live() -> Iterator[tuple[LiveServer, ScriptedChatService]]:
    live_service = ScriptedChatService()
    limits = RequestLimits(max_body_bytes=1024 * 1024)
    server = LiveServer(build_http_app(live_service, admission_of(live_service), limits=limits))
    server.start()
    yield server, live_service
    server.stop()


@pytest.fixture
def live_service(_live: tuple[LiveServer, ScriptedChatService]) -> ScriptedChatService:
    """The service behind `server`, fresh."""
    _live[1].reset()
    return _live[1]


@pytest.fixture
def server(
    _live: tuple[LiveServer, ScriptedChatService], live_service: ScriptedChatService
) -> LiveServer:
    """A real server with a limit of one MiB for bodies."""
    return _live[0]


@pytest.fixture
def client(server: LiveServer) -> Iterator[httpx.Client]:
    """An HTTP client of `server`."""
    with httpx.Client(base_url=server.url, timeout=10) as http_client:
        yield http_client
