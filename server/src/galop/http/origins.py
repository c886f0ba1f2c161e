"""Keeps web pages out that nobody has let in.

Browsers let any page send requests to any server, this machine's own included, and only keep the answer
from it; with DNS rebinding not even that. They do say which page asks, in the header origin (Fetch
Standard, section 3.1), on every request that is not a plain GET of the same origin. This API has no pages
of its own, and programs send no such header: so an origin that is not named is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from galop.http.errors import OriginNotAllowedError


class OriginGuard:
    """ASGI middleware. Raises `OriginNotAllowedError` for the boundary around it to answer."""

    def __init__(self, app: ASGIApp, allowed_origins: Sequence[str]) -> None:
        self._app = app
        self._allowed_origins = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on if it has no origin, or one that is allowed."""
        if scope["type"] == "http" and "*" not in self._allowed_origins:
            origin = Headers(scope=scope).get("origin")
            if origin is not None and origin not in self._allowed_origins:
                raise OriginNotAllowedError(origin)
        await self._app(scope, receive, send)
