"""Bytes and words: the wire schema, the routes, the stream of events, the table of errors.

Knows what a request looks like and how answers are written; knows no token, template or model.
Other rooms use `build_http_app`, the `ChatService` it needs, and the two settings.
"""

from galop.http.application import build_http_app
from galop.http.limits import RequestLimits
from galop.http.service import ChatService
from galop.protocol.literals import Compat

__all__ = ["ChatService", "Compat", "RequestLimits", "build_http_app"]
