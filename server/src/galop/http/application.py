"""The ASGI application: routes inside, the boundary around them."""

from __future__ import annotations

from typing import NoReturn

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request

from galop.http.boundary import Boundary
from galop.http.compat import Compat
from galop.http.errors import MethodNotAllowedError, UnknownUrlError
from galop.http.limits import Limits
from galop.http.routes import build_routes
from galop.http.service import ChatService


def build_http_app(
    service: ChatService,
    *,
    compat: Compat = "default",
    limits: Limits | None = None,
) -> Starlette:
    """The application that serves `service`, which others start and stop."""
    app = Starlette(
        routes=build_routes(service, compat=compat, limits=limits or Limits()),
        middleware=[Middleware(Boundary)],
        exception_handlers={HTTPException: _raise_as_ours},
    )
    app.router.redirect_slashes = False  # a redirected POST loses its body in many clients
    return app


async def _raise_as_ours(request: Request, error: Exception) -> NoReturn:
    """Starlette's own 404 and 405 become ours, which the boundary answers."""
    method, path = request.method, request.scope["path"]  # request.url trusts the Host header
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        allow = ", ".join(sorted(allowed.split(", ")))
        raise MethodNotAllowedError(method=method, path=path, allow=allow) from None
    if isinstance(error, HTTPException) and error.status_code == 404:
        raise UnknownUrlError(method=method, path=path) from None
    raise error
