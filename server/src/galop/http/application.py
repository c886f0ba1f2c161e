"""The ASGI application: the routes and the middleware around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request

from galop.admission.admission import Admission
from galop.http.error_middleware import ErrorMiddleware
from galop.http.errors import MethodNotAllowedError, UnknownUrlError
from galop.http.limits import RequestLimits
from galop.http.observer import NoObserver, RequestObserver
from galop.http.origins import OriginGuard
from galop.http.routes import MetricsPage, build_routes
from galop.http.service import ChatService
from galop.protocol.literals import Compat

_EXPOSED_HEADERS = [
    "x-request-id",
    "retry-after",
    "x-should-retry",
    *(
        f"x-ratelimit-{what}-{unit}"
        for what in ("limit", "remaining", "reset")
        for unit in ("requests", "tokens")
    ),
]
"""Headers that scripts of other origins may read (Fetch Standard, CORS-exposed header names)."""


def build_http_app(
    service: ChatService,
    admission: Admission,
    *,
    compat: Compat = "default",
    limits: RequestLimits | None = None,
    cors_origins: Sequence[str] = (),
    observer: RequestObserver | None = None,
    metrics_page: MetricsPage | None = None,
) -> Starlette:
    """Builds the application that serves `service`; the caller starts and stops the service.

    `cors_origins`: origins of web pages that may use the API, `*` for all; others get a 403.
    `metrics_page`: served at /metrics; None for no metrics.
    """
    observer = observer or NoObserver()
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(cors_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=_EXPOSED_HEADERS,
    )
    app = Starlette(
        routes=build_routes(
            service,
            admission,
            compat=compat,
            limits=limits or RequestLimits(),
            observer=observer,
            metrics_page=metrics_page,
        ),
        middleware=[
            *([cors] if cors_origins else []),  # outermost: error responses need its headers, too
            Middleware(ErrorMiddleware, observer=observer),
            Middleware(OriginGuard, allowed_origins=cors_origins),
        ],
        exception_handlers={HTTPException: _raise_as_ours},
    )
    app.router.redirect_slashes = False  # a redirected POST loses its body in many clients
    return app


async def _raise_as_ours(request: Request, error: Exception) -> NoReturn:
    """Replaces Starlette's 404 and 405 by the API's errors, which `ErrorMiddleware` answers."""
    method, path = request.method, request.scope["path"]  # request.url trusts the Host header
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        allow = ", ".join(sorted(allowed.split(", ")))
        raise MethodNotAllowedError(method=method, path=path, allow=allow) from None
    if isinstance(error, HTTPException) and error.status_code == 404:
        raise UnknownUrlError(method=method, path=path) from None
    raise error
