"""ASGI middleware that refuses requests of web pages whose origin the operator has not allowed.

A browser lets any page send requests to any server, including localhost, and only withholds the response;
with DNS rebinding not even that. It sends the page's origin in the header `origin` (Fetch Standard,
section 3.1) with every request except a plain GET of the same origin. Programs do not send this header.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from galop.http.errors import OriginNotAllowedError


class OriginGuard:
    """Raises `OriginNotAllowedError`, which `ErrorMiddleware` around it answers."""

    def __init__(self, app: ASGIApp, allowed_origins: Sequence[str]) -> None:
        self._app = app
        self._allowed_origins = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application if the request has no origin, or an allowed one."""
        if scope["type"] == "http" and "*" not in self._allowed_origins:
            origin = Headers(scope=scope).get("origin")
            if origin is not None and origin not in self._allowed_origins:
                raise OriginNotAllowedError(origin)
        await self._app(scope, receive, send)
