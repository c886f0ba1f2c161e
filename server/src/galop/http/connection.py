"""Sends responses to a client, and detects that it disconnected."""

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
"""Headers in ASGI's form: lower-case names, names and values in Latin-1."""

_ENCODER = msgspec.json.Encoder()

JSON_HEADERS = {
    "content-type": "application/json",
    "cache-control": "private, max-age=0, no-store, no-cache, must-revalidate",
}


class ClientDisconnected(Exception):
    """The client closed the connection. Not in `ERROR_TABLE`: nobody reads a response."""


async def while_connected(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """Returns the result of `work`; cancels it and raises ClientDisconnected if the client disconnects.

    The request body must have been read, so that `receive` returns only the disconnect.
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
        # Waits for the clean-up of `work`, and retrieves exceptions that asyncio would log otherwise.
        await asyncio.gather(answer, departure, return_exceptions=True)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_json(
    send: Send, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """Sends a whole response: `value` as compact JSON and a newline."""
    body = _json_line(value)
    await send_start(send, status, {**_json_headers(body), **(headers or {})})
    await send({"type": "http.response.body", "body": body})


async def send_problem(send: Send, problem: Problem) -> None:
    """Sends a whole error response."""
    headers, body = problem_response(problem)
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    """Sends status and headers; the body must follow."""
    await send({"type": "http.response.start", "status": status, "headers": raw_headers(headers)})


def problem_response(problem: Problem) -> tuple[RawHeaders, bytes]:
    """Headers and body of an error response."""
    body = _json_line(ErrorResponse(problem.error))
    return raw_headers({**_json_headers(body), **problem.headers}), body


def raw_headers(headers: Mapping[str, str]) -> RawHeaders:
    """Encodes `headers`, whose names must be in lower case."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _json_line(value: object) -> bytes:
    return _ENCODER.encode(value) + b"\n"


def _json_headers(body: bytes) -> dict[str, str]:
    return {**JSON_HEADERS, "content-length": str(len(body))}
