"""Reads a request body and checks its media type, size and nesting before it is parsed."""

from __future__ import annotations

from itertools import accumulate

from starlette.datastructures import Headers
from starlette.types import Receive

from galop.http.connection import ClientDisconnected
from galop.http.errors import (
    BodyTooLargeError,
    InvalidRequestError,
    UnsupportedMediaTypeError,
)
from galop.http.limits import RequestLimits

_MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""Bytes of a body that is too large that are read and discarded. Most clients read the 413 only when they
have sent the whole body; closed earlier, they report a broken pipe."""

_STEP = bytes(
    {ord("["): 1, ord("{"): 1, ord("]"): 255, ord("}"): 255}.get(byte, 0) for byte in range(256)
)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def require_json(headers: Headers) -> None:
    """Raises UnsupportedMediaTypeError if the header content-type names another type than JSON."""
    content_type = headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in ("", "application/json"):
        raise UnsupportedMediaTypeError(content_type)


async def read_body(headers: Headers, receive: Receive, *, max_body_bytes: int) -> bytes:
    """The whole body. Raises BodyTooLargeError and ClientDisconnected."""
    declared = headers.get("content-length", "")
    is_too_large = declared.isdecimal() and int(declared) > max_body_bytes
    if is_too_large and headers.get("expect", "").lower() == "100-continue":
        # The client sends the body only after a 100.
        raise BodyTooLargeError(max_body_bytes=max_body_bytes)
    chunks: list[bytes] = []
    num_bytes = 0
    is_complete = False
    while not is_complete and num_bytes <= _MAX_DISCARDED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        num_bytes += len(chunk)
        is_too_large = is_too_large or num_bytes > max_body_bytes
        if is_too_large:
            chunks.clear()
        else:
            chunks.append(chunk)
        is_complete = not message.get("more_body", False)
    if is_too_large:
        raise BodyTooLargeError(max_body_bytes=max_body_bytes)
    return b"".join(chunks)


def check_nesting(body: bytes, limits: RequestLimits) -> None:
    """Raises InvalidRequestError if arrays and objects nest too deep or are too many.

    Exact for valid JSON; other bodies are refused by the parser later. Measured 2026-11 on 2 shared
    cores: 0.6 ms per 100 kB of text with many quotes. Short requests are only counted.
    """
    num_containers = body.count(b"[") + body.count(b"{")  # those inside strings included
    if num_containers <= min(limits.max_nesting_depth, limits.max_containers):
        return
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_strings = b"".join(unescaped.split(b'"')[::2])
    steps = outside_strings.translate(_STEP, _NOT_BRACKETS)
    if len(steps) > 2 * limits.max_containers:
        raise _refused(f"there may be at most {limits.max_containers} arrays and objects")
    if max(accumulate(memoryview(steps).cast("b")), default=0) > limits.max_nesting_depth:
        raise _refused(
            f"arrays and objects may nest at most {limits.max_nesting_depth} levels deep"
        )


def _refused(rule: str) -> InvalidRequestError:
    return InvalidRequestError(f"The request body: {rule}", param=None)
