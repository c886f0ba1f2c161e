"""One client at the other end of a connection: answering it, and noticing that it left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import TypeVar

import msgspec
from starlette.types import Receive, Send

from galop.http.errors import Problem
from galop.http.schema import ErrorResponse

T = TypeVar("T")

RawHeaders = list[tuple[bytes, bytes]]
"""ASGI's: names in lowercase, both sides in Latin-1."""

_ENCODER = msgspec.json.Encoder()

JSON_HEADERS = {
    "content-type": "application/json",
    "cache-control": "private, max-age=0, no-store, no-cache, must-revalidate",
}


class ClientDisconnected(Exception):
    """Nobody is left to answer. Not an error: there is no row for it in the error table."""


async def while_connected(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """The result of `work`, which is cancelled when the client leaves: then ClientDisconnected.

    The request body must have been read: from here on `receive` has only the disconnect to tell.
    """
    answer = asyncio.create_task(work)
    departure = asyncio.create_task(_departure(receive))
    try:
        await asyncio.wait((answer, departure), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientDisconnected
        return answer.result()
    finally:
        answer.cancel()
        departure.cancel()
        # Waits for the clean-up of `work`, and retrieves the exceptions nobody asks for any more.
        await asyncio.gather(answer, departure, return_exceptions=True)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_json(
    send: Send, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """Answers with `value` as compact JSON and a newline."""
    body = _json_line(value)
    await send_start(send, status, {**_json_headers(body), **(headers or {})})
    await send({"type": "http.response.body", "body": body})


async def send_problem(send: Send, problem: Problem) -> None:
    """Answers with an error."""
    headers, body = problem_response(problem)
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    """Sends status and headers."""
    await send({"type": "http.response.start", "status": status, "headers": raw_headers(headers)})


def problem_response(problem: Problem) -> tuple[RawHeaders, bytes]:
    """Headers and body of the answer with an error."""
    body = _json_line(ErrorResponse(problem.error))
    return raw_headers({**_json_headers(body), **problem.headers}), body


def raw_headers(headers: Mapping[str, str]) -> RawHeaders:
    """As ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _json_line(value: object) -> bytes:
    return _ENCODER.encode(value) + b"\n"


def _json_headers(body: bytes) -> dict[str, str]:
    return {**JSON_HEADERS, "content-length": str(len(body))}
