"""HTTP/1.1 by uvicorn, except for requests that get no further than their head: see `http.load_shedder`."""

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
        """For the head of a request: the answer, or None where uvicorn shall go on."""

    def refuse_malformed(self, *, is_https: bool) -> EarlyResponse:
        """For bytes that are no request: the answer."""


@dataclass(slots=True)
class RefusedCycle:
    """Stands where uvicorn has its `RequestResponseCycle`, for a request that is no task.

    It has of that what uvicorn and `ConnectionGuard` look at.
    """

    refusal: EarlyResponse
    keep_alive: bool
    more_body: bool = True
    response_started: bool = False
    response_complete: bool = False
    disconnected: bool = False
    message_event: asyncio.Event = field(default_factory=asyncio.Event)


class HttpProtocol(HttpToolsProtocol):
    """One connection. `load_shedder` sees the head of a request before uvicorn makes a task of it; the body
    of a request that it answers is read and forgotten, so that the connection can stay."""

    cycle: Any  # uvicorn's, or a RefusedCycle

    def __init__(self, *arguments: Any, load_shedder: LoadShedder, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._load_shedder = load_shedder

    @property
    def _is_https(self) -> bool:
        return self.scheme == "https"

    def on_headers_complete(self) -> None:
        """uvicorn's, unless the request is refused."""
        refusal = self._refusal() if self._is_alone() else None
        if refusal is None:
            super().on_headers_complete()
        else:
            self.cycle = RefusedCycle(refusal, keep_alive=self.parser.should_keep_alive())

    def on_body(self, body: bytes) -> None:
        """uvicorn's, unless the request is refused."""
        if not isinstance(self.cycle, RefusedCycle):
            super().on_body(body)

    def on_message_complete(self) -> None:
        """uvicorn's, unless the request is refused: then it is answered."""
        if isinstance(self.cycle, RefusedCycle):
            self._answer(self.cycle)
        else:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Instead of uvicorn's, which is plain text: the API's own, unless the client would take it for
        a part of an answer or for the answer to an earlier request."""
        if self._is_alone() or not (self.pipeline or self.cycle.response_started):
            refusal = self._load_shedder.refuse_malformed(is_https=self._is_https)
            self._write(refusal, keep_alive=False)
        self.transport.close()

    def _is_alone(self) -> bool:
        """No earlier answer is owed to the client, and it reads what it gets."""
        is_free = self.cycle is None or self.cycle.response_complete
        return is_free and not self.flow.write_paused

    def _refusal(self) -> EarlyResponse | None:
        method = self.parser.get_method()
        return self._load_shedder.refuse(method, self.url, self.headers, is_https=self._is_https)

    def _answer(self, cycle: RefusedCycle) -> None:
        self._write(cycle.refusal, keep_alive=cycle.keep_alive)
        cycle.more_body, cycle.response_complete = False, True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _write(self, refusal: EarlyResponse, *, keep_alive: bool) -> None:
        headers = [*self.server_state.default_headers, *refusal.headers]
        if not keep_alive:
            headers.append((b"connection", b"close"))
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        head = STATUS_LINE[refusal.status] + b"".join(lines)
        self.transport.write(head + b"\r\n" + refusal.body)
