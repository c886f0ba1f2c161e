"""The HTTP API: wire schema, routes, server-sent events, error table.

Parses requests and encodes responses; must not know tokenizers, templates or engines. Other rooms use
`build_http_app`, its interface `ChatService`, and its settings `Compat` and `RequestLimits`.
"""

from galop.http.application import build_http_app
from galop.http.limits import RequestLimits
from galop.http.service import ChatService
from galop.protocol.literals import Compat

__all__ = ["ChatService", "Compat", "RequestLimits", "build_http_app"]
