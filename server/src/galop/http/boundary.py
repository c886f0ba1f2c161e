"""The outermost layer: a name for every request, headers on every answer, an answer to every fault.

Everything inside may raise; what is raised before the first byte is answered from the error table.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from galop.http.connection import ClientDisconnected, RawHeaders, raw_headers, send_problem
from galop.http.errors import Problem, describe
from galop.http.ids import new_request_id
from galop.http.observer import NoObserver, RequestObserver
from galop.protocol.errors import EngineDiedError, RequestQuarantinedError

logger = logging.getLogger("galop.http")

_PROBE = "GET '/readyz'"

_SCOPE_KEY = "galop.request_id"
_HEADERS_KEY = "galop.answer_headers"


def request_id_of(scope: Scope) -> str:
    """The id that the boundary gave to this request."""
    request_id: str = scope[_SCOPE_KEY]
    return request_id


def add_headers(scope: Scope, headers: Mapping[str, str]) -> None:
    """For the answer to this request, whatever it will be. Too late once it has begun."""
    scope[_HEADERS_KEY].extend(raw_headers(headers))


def log_problem(request_id: str, what: str, problem: Problem, error: Exception) -> None:
    """One line per failed request; with a traceback where it is a fault of this code."""
    is_failure = problem.status == 500
    is_bug = is_failure and not isinstance(error, EngineDiedError | RequestQuarantinedError)
    is_probe = what == _PROBE  # asked again and again, and "not yet" is an answer to it
    logger.log(
        logging.ERROR if is_failure else logging.DEBUG if is_probe else logging.INFO,
        "%s %s failed: %d %s",
        request_id,
        what,
        problem.status,
        type(error).__name__,
        exc_info=error if is_bug else None,
        extra={
            "request_id": request_id,
            "status": problem.status,
            "error": type(error).__name__,
        },
    )


class Boundary:
    """ASGI middleware around everything that answers HTTP requests."""

    def __init__(self, app: ASGIApp, observer: RequestObserver | None = None) -> None:
        self._app = app
        self._observer = observer or NoObserver()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, and answers it where that fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope[_SCOPE_KEY] = new_request_id()
        is_https = scope.get("scheme") == "https"
        headers = scope[_HEADERS_KEY] = answer_headers(request_id, is_https=is_https)
        client = _Client(send, headers, self._observer)
        try:
            try:
                await self._app(scope, receive, client.send)
            except Exception as error:
                if client.was_answered or isinstance(error, ClientDisconnected):
                    raise
                problem = describe(error, request_id=request_id)
                log_problem(request_id, f"{scope['method']} {scope['path']!r}", problem, error)
                self._observer.refused(error, problem.status)
                await send_problem(client.send, problem)
        except ClientDisconnected:
            logger.info("%s the client left", request_id, extra={"request_id": request_id})


def answer_headers(request_id: str, *, is_https: bool) -> RawHeaders:
    """What every answer carries. The API has no pages: a browser shall neither render nor frame nor
    guess (OWASP REST Security Cheat Sheet, "Security Headers")."""
    headers = [
        (b"x-request-id", request_id.encode()),
        (b"vary", b"Origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"referrer-policy", b"no-referrer"),
    ]
    if is_https:
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    return headers


class _Client:
    """`send`, with our headers on the first message, and one exception for a client that left."""

    def __init__(self, send: Send, headers: RawHeaders, observer: RequestObserver) -> None:
        self._send = send
        self._headers = headers
        self._observer = observer
        self.was_answered = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.was_answered = True
            self._observer.responded(message["status"])
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        try:
            await self._send(message)
        except OSError:  # servers differ: some do nothing where the client has gone
            raise ClientDisconnected from None
