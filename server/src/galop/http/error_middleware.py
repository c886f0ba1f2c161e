"""ASGI middleware that gives each request an id, each response its headers, each error a response.

Code inside raises. An exception raised before the response starts is answered from `ERROR_TABLE`; one
raised later is re-raised, and the server closes the connection.
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
    """The request id that `ErrorMiddleware` put into `scope`."""
    request_id: str = scope[_SCOPE_KEY]
    return request_id


def add_headers(scope: Scope, headers: Mapping[str, str]) -> None:
    """Adds `headers` to the response, be it a success or an error. No effect once it has started."""
    scope[_HEADERS_KEY].extend(raw_headers(headers))


def log_problem(request_id: str, what: str, problem: Problem, error: Exception) -> None:
    """Logs a failed request in one line, with a traceback if the cause is a bug of the server.

    `what`: method and quoted path. Status 500 is logged as ERROR, a failed readiness probe as DEBUG, the
    rest as INFO.
    """
    is_failure = problem.status == 500
    is_bug = is_failure and not isinstance(error, EngineDiedError | RequestQuarantinedError)
    is_probe = what == _PROBE  # polled while the server starts
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


class ErrorMiddleware:
    """Wraps the whole application, CORS apart. Passes on all but HTTP requests unchanged."""

    def __init__(self, app: ASGIApp, observer: RequestObserver | None = None) -> None:
        self._app = app
        self._observer = observer or NoObserver()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application; sends the error response if it raises before the response starts."""
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
    """The headers of every response: request id and security headers.

    Browsers must not render, frame or sniff API responses (OWASP REST Security Cheat Sheet, "Security
    Headers").
    """
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
    """Wraps `send`: adds headers to the first message, turns OSError into `ClientDisconnected`."""

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
        except OSError:  # some ASGI servers raise it after a disconnect, others ignore the message
            raise ClientDisconnected from None
