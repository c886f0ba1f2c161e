"""uvicorn's HTTP/1.1 protocol, extended by the early responses of `http.load_shedder`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from galop.http.connection import RawHeaders
from galop.http.load_shedder import EarlyResponse


class LoadShedder(Protocol):
    """See `http.load_shedder.LoadShedder`."""

    def refuse(
        self, method: bytes, target: bytes, headers: RawHeaders, *, is_https: bool
    ) -> EarlyResponse | None:
        """The response to a request with this head; None if uvicorn is to continue."""

    def refuse_malformed(self, *, is_https: bool) -> EarlyResponse:
        """The response to bytes that are no HTTP request."""


@dataclass(slots=True)
class RefusedCycle:
    """Replaces uvicorn's `RequestResponseCycle` for a request that gets an early response.

    The other attributes are those of uvicorn's class that uvicorn and `ConnectionGuard` read.
    """

    response: EarlyResponse
    """Sent when the request has been read."""
    keep_alive: bool
    more_body: bool = True
    response_started: bool = False
    response_complete: bool = False
    disconnected: bool = False
    message_event: asyncio.Event = field(default_factory=asyncio.Event)


class HttpProtocol(HttpToolsProtocol):
    """One connection. Asks `load_shedder` about the head of each request before uvicorn creates a task.

    The body of a request with an early response is discarded, so that the connection can be reused.
    """

    cycle: Any  # uvicorn's, or a RefusedCycle

    def __init__(self, *arguments: Any, load_shedder: LoadShedder, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._load_shedder = load_shedder

    @property
    def _is_https(self) -> bool:
        return self.scheme == "https"

    def on_headers_complete(self) -> None:
        """Asks for an early response; without one, continues as uvicorn does."""
        response = self._early_response() if self._is_idle() else None
        if response is None:
            super().on_headers_complete()
        else:
            self.cycle = RefusedCycle(response, keep_alive=self.parser.should_keep_alive())

    def on_body(self, body: bytes) -> None:
        """Discards the body of a refused request."""
        if not isinstance(self.cycle, RefusedCycle):
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Sends the early response of a refused request."""
        if isinstance(self.cycle, RefusedCycle):
            self._answer(self.cycle)
        else:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Sends the API's 400 instead of uvicorn's, which is plain text, and closes the connection.

        Only closes it if an earlier response is unfinished: the client would mistake the 400 for it.
        """
        if self._is_idle() or not (self.pipeline or self.cycle.response_started):
            response = self._load_shedder.refuse_malformed(is_https=self._is_https)
            self._write(response, keep_alive=False)
        self.transport.close()

    def _is_idle(self) -> bool:
        """Whether every earlier response is complete, and the client reads."""
        is_free = self.cycle is None or self.cycle.response_complete
        return is_free and not self.flow.write_paused

    def _early_response(self) -> EarlyResponse | None:
        method = self.parser.get_method()
        return self._load_shedder.refuse(method, self.url, self.headers, is_https=self._is_https)

    def _answer(self, cycle: RefusedCycle) -> None:
        self._write(cycle.response, keep_alive=cycle.keep_alive)
        cycle.more_body, cycle.response_complete = False, True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _write(self, response: EarlyResponse, *, keep_alive: bool) -> None:
        headers = [*self.server_state.default_headers, *response.headers]
        if not keep_alive:
            headers.append((b"connection", b"close"))
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        head = STATUS_LINE[response.status] + b"".join(lines)
        self.transport.write(head + b"\r\n" + response.body)
