"""What the client logs, and what it never does.

One logger, `groq`. At DEBUG: method, URL, status, request id and duration of every attempt. Never
a key; the body of a request only with `GROQ_LOG=trace`. Nothing is configured unless `GROQ_LOG`
asks for it by name.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any

from ._request import without_not_given

if TYPE_CHECKING:
    from ._request import FinalRequestOptions

TRACE = 5
"""Below DEBUG: request bodies, prompts included."""

log = logging.getLogger("groq")

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "trace": TRACE}


def configure_from_environment() -> None:
    """Obey `GROQ_LOG=info|debug|trace`; do nothing without it."""
    level = _LEVELS.get(os.environ.get("GROQ_LOG", "").lower())
    if level is None:
        return
    logging.basicConfig(
        format="[%(asctime)s - %(name)s:%(lineno)d - %(levelname)s] %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
    )
    log.setLevel(level)
    logging.getLogger("httpx").setLevel(max(level, logging.DEBUG))


def log_sending(request: Any, options: FinalRequestOptions, retries_taken: int) -> None:
    if not log.isEnabledFor(logging.DEBUG):
        return
    log.debug("%s %s started, retry %d", request.method, request.url, retries_taken)
    if log.isEnabledFor(TRACE):
        log.log(TRACE, "request body: %s", _body(request, options))


def _body(request: Any, options: FinalRequestOptions) -> object:
    """The text that is sent; of an upload the options alone."""
    try:
        return request.content.decode("utf-8", "replace")
    except RuntimeError:  # httpx's RequestNotRead: files are read while they are sent
        return without_not_given(options.json_data)


def log_finished(
    request: Any, response: Any | None, error: BaseException | None, started: float
) -> None:
    if not log.isEnabledFor(logging.DEBUG):
        return
    elapsed_ms = (time.perf_counter() - started) * 1000
    if response is None:
        log.debug("%s %s failed after %.1f ms: %r", request.method, request.url, elapsed_ms, error)
        return
    log.debug(
        '%s %s "%d %s" in %.1f ms, request id %s',
        request.method,
        request.url,
        response.status_code,
        response.reason_phrase,
        elapsed_ms,
        response.headers.get("x-request-id"),
    )


def log_waiting(options: FinalRequestOptions, seconds: float) -> None:
    log.info("Retrying %s in %.3f s", options.url, seconds)
